//! Netlink attributes: written into one buffer, read where they lie.
//!
//! neli's attribute types copy each attribute into a vector of its own; a listing of 100 000 real servers holds 2.5
//! million of them. Here nothing is copied. This module knows lengths, types and padding, not what an attribute means.
//!
//! Layout (`<linux/netlink.h>`): a 16 bit length that counts the 4 bytes of the header, a 16 bit type, the payload,
//! zeros up to the next multiple of 4. Integers are in host byte order unless a function says otherwise.

use crate::error::KernelError;
use crate::ipvs::constants::{NLA_F_NESTED, NLA_TYPE_MASK};

const HEADER_LENGTH: usize = 4;
/// The most bytes of a name that IPVS keeps, without its NUL.
const LONGEST_NAME: usize = 15;

/// The next multiple of 4, where the next attribute or message begins.
pub const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// Writes attributes at the end of a buffer.
pub struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer behind what `buffer` holds, which ends at a multiple of 4.
    pub fn new(buffer: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { buffer }
    }

    /// An attribute with these bytes.
    pub fn bytes<const N: usize>(&mut self, kind: u16, payload: [u8; N]) {
        self.header(kind, N);
        self.buffer.extend_from_slice(&payload);
        self.buffer.extend_from_slice(&[0; 3][..align(N) - N]);
    }

    /// An attribute with these bytes, at most [`LONGEST_NAME`], and a NUL behind them.
    pub fn string(&mut self, kind: u16, text: &[u8]) {
        let text = &text[..text.len().min(LONGEST_NAME)];
        let mut padded = [0; align(LONGEST_NAME + 1)];
        padded[..text.len()].copy_from_slice(text);
        self.header(kind, text.len() + 1);
        self.buffer
            .extend_from_slice(&padded[..align(text.len() + 1)]);
    }

    /// The header of an attribute with a payload of so many bytes: far fewer than the 64 KiB that the field holds.
    fn header(&mut self, kind: u16, length: usize) {
        let length = (HEADER_LENGTH + length) as u16;
        self.buffer.extend_from_slice(&length.to_ne_bytes());
        self.buffer.extend_from_slice(&kind.to_ne_bytes());
    }

    /// An attribute of one byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, [value]);
    }

    /// An attribute of 16 bits, host byte order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, value.to_ne_bytes());
    }

    /// An attribute of 16 bits, network byte order.
    pub fn be16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, value.to_be_bytes());
    }

    /// An attribute of 32 bits, host byte order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, value.to_ne_bytes());
    }

    /// An attribute that holds the attributes that `fill` writes.
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

/// One attribute of a reply.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    /// Its number, without the flags that netlink keeps in the same field.
    pub kind: u16,
    payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Its bytes up to the first NUL.
    pub fn string(&self) -> &'a [u8] {
        self.payload
            .split(|&byte| byte == 0)
            .next()
            .unwrap_or_default()
    }

    /// The attributes in it.
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }

    /// Its first bytes.
    pub fn first<const N: usize>(&self) -> Result<[u8; N], KernelError> {
        let bytes = self
            .payload
            .get(..N)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or(KernelError::Malformed(
            "an attribute is shorter than its type",
        ))
    }

    /// Its one byte.
    pub fn u8(&self) -> Result<u8, KernelError> {
        self.first::<1>().map(|[byte]| byte)
    }

    /// Its 16 bits, host byte order.
    pub fn u16(&self) -> Result<u16, KernelError> {
        self.first().map(u16::from_ne_bytes)
    }

    /// Its 16 bits, network byte order.
    pub fn be16(&self) -> Result<u16, KernelError> {
        self.first().map(u16::from_be_bytes)
    }

    /// Its 32 bits, host byte order.
    pub fn u32(&self) -> Result<u32, KernelError> {
        self.first().map(u32::from_ne_bytes)
    }

    /// Its 32 or 64 bits, host byte order.
    pub fn u32_or_u64(&self) -> Result<u64, KernelError> {
        match self.payload.len() {
            0..8 => self.u32().map(u64::from),
            _ => self.first().map(u64::from_ne_bytes),
        }
    }
}

/// The attributes of a reply, in order.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    /// Where the next one begins.
    place: usize,
}

impl<'a> Attributes<'a> {
    /// The attributes that `bytes` hold.
    pub fn new(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes { bytes, place: 0 }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, KernelError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Fewer bytes than a header are padding.
        let header = u32::from_ne_bytes(*self.bytes.get(self.place..)?.first_chunk()?);
        // Taken apart here, not in memory: so the header is loaded once.
        let [length, kind] = match cfg!(target_endian = "little") {
            true => [header as u16, (header >> 16) as u16],
            false => [(header >> 16) as u16, header as u16],
        };
        let end = self.place + usize::from(length);
        let Some(payload) = self.bytes.get(self.place + HEADER_LENGTH..end) else {
            self.place = self.bytes.len();
            return Some(Err(KernelError::Malformed(
                "an attribute is longer than what holds it",
            )));
        };
        self.place = align(end);
        Some(Ok(Attribute {
            kind: kind & NLA_TYPE_MASK,
            payload,
        }))
    }
}

/// Where attributes stand in a message, by their numbers, which are below `N`; others are left out. Of two with one number
/// the last counts.
///
/// The messages of a dump are mostly laid out alike, so that the places found in one are those of the next: this is
/// quicker checked than searched.
pub struct Layout<const N: usize> {
    /// Start and end of each payload; one that is not there ends at 0.
    places: [(u16, u16); N],
    /// Every header with its place, counted in pieces of 4 bytes.
    headers: [(u16, [u8; HEADER_LENGTH]); MOST_HEADERS],
    header_count: usize,
    /// The bytes of such a message.
    length: usize,
}

/// The most attributes of a message whose layout is kept: more than the kernel knows of anything in IPVS.
const MOST_HEADERS: usize = 32;

impl<const N: usize> Default for Layout<N> {
    fn default() -> Layout<N> {
        Layout {
            places: [(0, 0); N],
            headers: [(0, [0; HEADER_LENGTH]); MOST_HEADERS],
            header_count: 0,
            length: 0,
        }
    }
}

impl<const N: usize> Layout<N> {
    /// Whether a message is laid out like this.
    fn fits(&self, bytes: &[u8]) -> bool {
        let (pieces, _) = bytes.as_chunks();
        self.length == bytes.len()
            && self.header_count > 0
            && self.headers[..self.header_count]
                .iter()
                .all(|(place, header)| pieces.get(usize::from(*place)) == Some(header))
    }

    /// The layout of a message.
    fn of(mut attributes: Attributes<'_>) -> Result<Layout<N>, KernelError> {
        let mut layout = Layout {
            length: attributes.bytes.len(),
            ..Layout::default()
        };
        loop {
            let place = attributes.place;
            let Some(Attribute { kind, payload }) = attributes.next().transpose()? else {
                return Ok(layout);
            };
            // What holds these is an attribute itself, and shorter than 64 KiB.
            let start = (place + HEADER_LENGTH) as u16;
            if let Some(known) = layout.places.get_mut(usize::from(kind)) {
                *known = (start, start + payload.len() as u16);
            }
            // A message with more attributes than are kept fits no layout, as one that holds none does.
            let header = attributes.bytes[place..].first_chunk();
            match (layout.headers.get_mut(layout.header_count), header) {
                (Some(slot), Some(header)) => {
                    *slot = ((place / HEADER_LENGTH) as u16, *header);
                    layout.header_count += 1;
                }
                _ => layout.length = usize::MAX,
            }
        }
    }
}

/// The attributes of a message by their numbers.
pub struct Fields<'a, 'l, const N: usize> {
    bytes: &'a [u8],
    layout: &'l Layout<N>,
}

impl<'a, 'l, const N: usize> Fields<'a, 'l, N> {
    /// The fields that `attributes` fill; `layout` is that of the message before, and becomes that of this one.
    pub fn of(
        attributes: Attributes<'a>,
        layout: &'l mut Layout<N>,
    ) -> Result<Fields<'a, 'l, N>, KernelError> {
        let bytes = attributes.bytes;
        if !layout.fits(bytes) {
            *layout = Layout::of(attributes)?;
        }
        Ok(Fields { bytes, layout })
    }

    /// The attribute of this number, where there is one.
    pub fn get(&self, kind: u16) -> Option<Attribute<'a>> {
        let (start, end) = *self.layout.places.get(usize::from(kind))?;
        let payload = self.bytes.get(usize::from(start)..usize::from(end))?;
        (end > 0).then_some(Attribute { kind, payload })
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
            nested.string(4, b"wlc");
        });
        writer.u32(5, 0xdead_beef);

        assert_eq!(buffer.len() % 4, 0);
        let outer: Vec<_> = Attributes::new(&buffer).map(Result::unwrap).collect();
        assert_eq!(
            outer
                .iter()
                .map(|attribute| attribute.kind)
                .collect::<Vec<_>>(),
            [1, 5]
        );
        assert_eq!(outer[1].u32(), Ok(0xdead_beef));
        let inner: Vec<_> = outer[0].nested().map(Result::unwrap).collect();
        assert_eq!(inner[0].u8(), Ok(7));
        assert_eq!(inner[1].first(), Ok([0x12, 0x34]));
        assert_eq!(inner[1].be16(), Ok(0x1234));
        assert_eq!(inner[2].string(), b"wlc");
    }

    /// What a layout that has seen some messages finds in another: the fields 1 to 3, as bytes.
    fn found(layout: &mut Layout<4>, message: &[(u16, &[u8])]) -> [Option<Vec<u8>>; 3] {
        let mut buffer = Vec::new();
        for (kind, payload) in message {
            buffer.extend(((HEADER_LENGTH + payload.len()) as u16).to_ne_bytes());
            buffer.extend(kind.to_ne_bytes());
            buffer.extend(*payload);
            buffer.resize(align(buffer.len()), 0);
        }
        let fields = Fields::of(Attributes::new(&buffer), layout).unwrap();
        [1, 2, 3].map(|kind| fields.get(kind).map(|found| found.payload.to_vec()))
    }

    #[test]
    fn fields_are_found_whatever_the_message_before_looked_like() {
        let messages: [&[(u16, &[u8])]; 8] = [
            &[(1, b"a"), (2, b"bb"), (3, b"ccc")],
            // Other values, other lengths within the same padding, another order, other numbers, one more, none.
            &[(1, b"x"), (2, b"yy"), (3, b"zzz")],
            &[(1, b"aa"), (2, b"b"), (3, b"ccc")],
            &[(2, b"b"), (1, b"a"), (3, b"ccc")],
            &[(1, b"a"), (9, b"bb"), (3, b"")],
            &[(1, b"a"), (2, b"bb"), (3, b"ccc"), (1, b"d")],
            &[(NLA_F_NESTED | 2, b"bb")],
            &[],
        ];
        for before in messages {
            for message in messages {
                let mut layout = Layout::default();
                let expected = [1, 2, 3].map(|kind| {
                    let of_this_kind = |(other, _): &&(u16, &[u8])| other & NLA_TYPE_MASK == kind;
                    let last = message.iter().rfind(of_this_kind);
                    last.map(|(_, payload)| payload.to_vec())
                });
                found(&mut layout, before);
                assert_eq!(found(&mut layout, message), expected, "after {before:?}");
            }
        }
    }

    #[test]
    fn a_message_with_more_attributes_than_a_layout_keeps_is_read_all_the_same() {
        let mut layout = Layout::default();
        let mut message: Vec<(u16, &[u8])> = vec![(9, b"x"); MOST_HEADERS + 3];
        message.push((1, b"a"));
        assert_eq!(found(&mut layout, &message)[0], Some(b"a".to_vec()));
        message[MOST_HEADERS + 1] = (1, b"b");
        message[MOST_HEADERS + 3] = (9, b"y");
        assert_eq!(found(&mut layout, &message)[0], Some(b"b".to_vec()));
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
        }
    }

    #[test]
    fn a_short_attribute_is_a_fault_where_more_is_asked_of_it() {
        let mut buffer = Vec::new();
        Writer::new(&mut buffer).u16(1, 7);
        let attribute = Attributes::new(&buffer).next().unwrap().unwrap();
        assert!(matches!(attribute.u32(), Err(KernelError::Malformed(_))));
        assert!(matches!(
            attribute.u32_or_u64(),
            Err(KernelError::Malformed(_))
        ));
        assert_eq!(attribute.u8(), Ok(7u16.to_ne_bytes()[0]));
    }
}
