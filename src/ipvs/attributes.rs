//! Netlink attributes: written into one buffer, read where they lie. What an attribute means is
//! said elsewhere.
//!
//! neli's attribute types copy each attribute into a vector of its own, and a listing of 100 000
//! real servers holds 2.5 million of them. Here nothing is copied.
//!
//! An attribute (`<linux/netlink.h>`) is a 16 bit length that counts the 4 bytes of the header, a
//! 16 bit type, the payload, and zeros up to the next multiple of 4. Integers are in host byte
//! order unless a function says otherwise.

#![forbid(unsafe_code)]

use crate::error::KernelError;
use crate::ipvs::constants::{NLA_F_NESTED, NLA_TYPE_MASK};
use crate::model::KernelName;

const HEADER_LENGTH: usize = 4;

/// Returns the next multiple of 4, where the next attribute or message begins.
pub const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// Writes attributes at the end of a buffer.
pub struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Makes a writer that appends to `buffer`, whose length must be a multiple of 4.
    pub fn new(buffer: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { buffer }
    }

    /// Bytes as they are.
    pub fn bytes<const N: usize>(&mut self, kind: u16, payload: [u8; N]) {
        self.header(kind, N);
        self.buffer.extend_from_slice(&payload);
        self.buffer.extend_from_slice(&[0; 3][..align(N) - N]);
    }

    /// Appends a name and the NUL behind it.
    pub fn name(&mut self, kind: u16, name: &KernelName) {
        let text = name.as_bytes();
        self.header(kind, text.len() + 1);
        self.buffer.extend_from_slice(text);
        let padding = align(text.len() + 1) - text.len();
        self.buffer.extend_from_slice(&[0; 4][..padding]);
    }

    /// Appends a header. `length` is that of the payload, which is never anywhere near 64 KiB.
    fn header(&mut self, kind: u16, length: usize) {
        let length = (HEADER_LENGTH + length) as u16;
        self.buffer.extend_from_slice(&length.to_ne_bytes());
        self.buffer.extend_from_slice(&kind.to_ne_bytes());
    }

    /// Appends 8 bits.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, [value]);
    }

    /// Appends 16 bits, host byte order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, value.to_ne_bytes());
    }

    /// Appends 16 bits, network byte order.
    pub fn be16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, value.to_be_bytes());
    }

    /// Appends 32 bits, host byte order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, value.to_ne_bytes());
    }

    /// Appends the attributes that `fill` writes, in one that holds them.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Writer<'_>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0, 0]);
        self.buffer
            .extend_from_slice(&(kind | NLA_F_NESTED).to_ne_bytes());
        fill(self);
        let length = (self.buffer.len() - start) as u16;
        self.buffer[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}

/// The bytes that an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    /// Returns the bytes up to the first NUL.
    pub fn string(self) -> &'a [u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Returns the attributes in it.
    pub fn nested(self) -> Attributes<'a> {
        Attributes::new(self.0)
    }

    /// Returns the first `N` bytes. The kernel may have appended more.
    pub fn first<const N: usize>(self) -> Result<[u8; N], KernelError> {
        match self.0.first_chunk() {
            Some(bytes) => Ok(*bytes),
            None => Err(KernelError::Malformed(
                "an attribute is shorter than its type",
            )),
        }
    }

    /// Reads 8 bits.
    pub fn u8(self) -> Result<u8, KernelError> {
        self.first().map(u8::from_ne_bytes)
    }

    /// Reads 16 bits, host byte order.
    pub fn u16(self) -> Result<u16, KernelError> {
        self.first().map(u16::from_ne_bytes)
    }

    /// Reads 16 bits, network byte order.
    pub fn be16(self) -> Result<u16, KernelError> {
        self.first().map(u16::from_be_bytes)
    }

    /// Reads 32 bits, host byte order.
    pub fn u32(self) -> Result<u32, KernelError> {
        self.first().map(u32::from_ne_bytes)
    }

    /// Reads 64 bits if there are so many, else 32; host byte order.
    pub fn u32_or_u64(self) -> Result<u64, KernelError> {
        match self.0.first_chunk() {
            Some(bytes) => Ok(u64::from_ne_bytes(*bytes)),
            None => self.u32().map(u64::from),
        }
    }
}

/// The attributes that some bytes hold: the number of each, without the flags that netlink keeps in
/// the same field, and its payload.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Returns the attributes that `bytes` hold.
    pub fn new(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, Payload<'a>), KernelError>;

    fn next(&mut self) -> Option<Self::Item> {
        let [l0, l1, k0, k1] = *self.rest.first_chunk::<HEADER_LENGTH>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let kind = u16::from_ne_bytes([k0, k1]) & NLA_TYPE_MASK;
        let Some(payload) = self.rest.get(HEADER_LENGTH..length) else {
            self.rest = &[];
            return Some(Err(KernelError::Malformed(
                "an attribute is longer than what holds it",
            )));
        };
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(Ok((kind, Payload(payload))))
    }
}

/// Payloads by the numbers of their attributes. Numbers from `N` on are left out; of two attributes
/// with one number the last counts.
pub struct Fields<'a, const N: usize>([Option<Payload<'a>>; N]);

impl<'a, const N: usize> Fields<'a, N> {
    /// Sorts attributes by their numbers.
    pub fn of(attributes: Attributes<'a>) -> Result<Fields<'a, N>, KernelError> {
        let mut fields = [None; N];
        for attribute in attributes {
            let (kind, payload) = attribute?;
            if let Some(field) = fields.get_mut(usize::from(kind)) {
                *field = Some(payload);
            }
        }
        Ok(Fields(fields))
    }

    /// Returns the payload of the attribute with this number, if there is one.
    pub fn get(&self, kind: u16) -> Option<Payload<'a>> {
        self.0.get(usize::from(kind)).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer);
        writer.nested(1, |nested| {
            nested.u8(2, 7);
            nested.be16(3, 0x1234);
            nested.name(4, &KernelName::from("wlc"));
            nested.name(6, &KernelName::from("none"));
        });
        writer.u32(5, 0xdead_beef);
        writer.u16(7, 0xcafe);

        assert_eq!(buffer.len() % 4, 0);
        let outer: Vec<_> = Attributes::new(&buffer).map(Result::unwrap).collect();
        assert_eq!([outer[0].0, outer[1].0, outer[2].0], [1, 5, 7]);
        assert_eq!(outer[1].1.u32(), Ok(0xdead_beef));
        assert_eq!(outer[1].1.u32_or_u64(), Ok(0xdead_beef));
        assert_eq!(outer[2].1, Payload(&0xcafe_u16.to_ne_bytes()));
        assert_eq!(outer[2].1.u16(), Ok(0xcafe));
        let inner: Vec<_> = outer[0].1.nested().map(Result::unwrap).collect();
        assert_eq!(inner.len(), 4);
        assert_eq!(inner[0].1, Payload(&[7]));
        assert_eq!(inner[0].1.u8(), Ok(7));
        assert_eq!(inner[1].1.first(), Ok([0x12, 0x34]));
        assert_eq!(inner[1].1.be16(), Ok(0x1234));
        assert_eq!(
            (inner[2].1, inner[2].1.string()),
            (Payload(b"wlc\0"), &b"wlc"[..])
        );
        assert_eq!(
            (inner[3].1, inner[3].1.string()),
            (Payload(b"none\0"), &b"none"[..])
        );
        let long = 0x0102_0304_0506_0708_u64;
        assert_eq!(Payload(&long.to_ne_bytes()).u32_or_u64(), Ok(long));
    }

    #[test]
    fn fields_are_found_by_their_numbers() {
        let mut buffer = Vec::new();
        for (kind, payload) in [
            (3, &b"ccc"[..]),
            (NLA_F_NESTED | 1, b"a"),
            (9, b"unknown"),
            (3, b"d"),
            (2, b""),
        ] {
            buffer.extend(((HEADER_LENGTH + payload.len()) as u16).to_ne_bytes());
            buffer.extend(u16::to_ne_bytes(kind));
            buffer.extend(payload);
            buffer.resize(align(buffer.len()), 0);
        }
        let fields = Fields::<5>::of(Attributes::new(&buffer)).unwrap();
        let found = [0, 1, 2, 3, 4, 9].map(|kind| fields.get(kind));
        let some = |bytes| Some(Payload(bytes));
        assert_eq!(found, [None, some(b"a"), some(b""), some(b"d"), None, None]);
    }

    #[test]
    fn an_attribute_that_runs_over_its_end_is_a_fault_not_a_panic() {
        for bytes in [
            [9, 0, 1, 0, 0, 0, 0, 0],
            [3, 0, 1, 0, 0, 0, 0, 0],
            [0, 0, 1, 0, 0, 0, 0, 0],
        ] {
            let read: Vec<_> = Attributes::new(&bytes).collect();
            assert_eq!(read.len(), 1);
            assert!(matches!(read[0], Err(KernelError::Malformed(_))));
            assert!(Fields::<2>::of(Attributes::new(&bytes)).is_err());
        }
    }

    #[test]
    fn a_short_attribute_is_a_fault_where_more_is_asked_of_it() {
        let payload = Payload(&[7, 7]);
        assert!(matches!(payload.u32(), Err(KernelError::Malformed(_))));
        assert!(matches!(
            payload.u32_or_u64(),
            Err(KernelError::Malformed(_))
        ));
        assert_eq!(payload.u8(), Ok(7));
        assert_eq!(payload.u16(), Ok(0x0707));
        assert!(Payload(&[7]).u16().is_err());
    }
}
