//! The readers of values: numbers, names from a short list, masks and groups.
//!
//! Numbers are read as C's `strtol` reads them in base 10; the ranges are those of
//! `tests/parity/ipvsadm-1.31.md`, section 2. A reader returns `None` for what it refuses;
//! [`super::fold`] knows the message.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::cli::address::{self, Hosts};
use crate::edit::NamedFlags;
use crate::model::{AddressFamily, KernelName, SchedulerFlags};
use crate::selection::States;

/// The most seconds that anything may wait: 31 days.
pub const LONGEST_TIMEOUT: u32 = 31 * 24 * 60 * 60;

/// Returns true for the blanks that `isspace` knows in the C locale.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Parts a number, as `strtol` and `atoi` read it, into its sign (`true` for minus) and the rest.
/// Returns `None` for nothing but blanks.
fn sign_and_digits(word: &[u8]) -> Option<(bool, &[u8])> {
    let start = word.iter().position(|&byte| !is_blank(byte))?;
    Some(match &word[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    })
}

/// Reads a decimal number in a range: leading blanks and a sign are allowed, nothing may follow.
pub fn number(word: &[u8], range: RangeInclusive<i64>) -> Option<i64> {
    let (is_negative, digits) = sign_and_digits(word)?;
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for &digit in digits {
        let digit = i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if is_negative { -value } else { value }).filter(|value| range.contains(value))
}

/// Reads a decimal number in a range that a `u32` holds.
pub fn number_u32(word: &[u8], range: RangeInclusive<u32>) -> Option<u32> {
    number(word, i64::from(*range.start())..=i64::from(*range.end()))
        .and_then(|value| u32::try_from(value).ok())
}

/// Reads a decimal number in a range that a `u16` holds.
pub fn number_u16(word: &[u8], range: RangeInclusive<u16>) -> Option<u16> {
    number(word, i64::from(*range.start())..=i64::from(*range.end()))
        .and_then(|value| u16::try_from(value).ok())
}

/// Reads a persistence mask for IPv6, a prefix length, as C's `atoi` reads a number: what follows
/// the digits is passed over, and of a number that is too large the low 32 bits count.
pub fn ipv6_netmask(word: &[u8]) -> Option<u32> {
    let (is_negative, digits) = sign_and_digits(word)?;
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0i64, |value, digit| {
        let digit = i64::from(digit - b'0');
        value
            .saturating_mul(10)
            .saturating_add(if is_negative { -digit } else { digit })
    });
    let low_bits = value as u32;
    (1..=128).contains(&low_bits).then_some(low_bits)
}

/// Reads a persistence mask for IPv4: what `inet_aton` reads, else the first IPv4 address of a host
/// name.
pub fn ipv4_netmask(word: &[u8], hosts: &mut Hosts) -> Option<Ipv4Addr> {
    address::inet_aton(word).or_else(|| match hosts.address(word, AddressFamily::Ipv4) {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    })
}

/// Reads a multicast group, in the strict spelling of `inet_pton`.
///
/// # Errors
/// Returns true if what is at fault looks like IPv6.
pub fn multicast_group(word: &[u8]) -> Result<IpAddr, bool> {
    let looks_like_ipv6 = word.contains(&b':');
    let text = std::str::from_utf8(word).map_err(|_| looks_like_ipv6)?;
    let group = if looks_like_ipv6 {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    };
    group.filter(IpAddr::is_multicast).ok_or(looks_like_ipv6)
}

/// Reads seconds and fractions of them, from a tenth of a second to 31 days.
pub fn interval(word: &[u8]) -> Option<Duration> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(LONGEST_TIMEOUT as u64);
    let is_decimal = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let text = std::str::from_utf8(word).ok()?;
    if !word.iter().all(is_decimal) || word.len() > 20 {
        return None;
    }
    let interval = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (SHORTEST..=LONGEST).contains(&interval).then_some(interval)
}

/// Reads states of connections, comma separated.
///
/// # Errors
/// Returns the first word that is no state.
pub fn connection_states(word: &[u8]) -> Result<States, &[u8]> {
    let mut states = States::default();
    for name in word.split(|&byte| byte == b',') {
        if !states.insert(name) {
            return Err(name);
        }
    }
    Ok(states)
}

/// The fault of a list of scheduler flags, with the flag.
#[derive(Debug, PartialEq, Eq)]
pub enum FlagFault<'a> {
    /// It is the name of no flag.
    Unknown(&'a [u8]),
    /// It belongs to another scheduler.
    OfAnotherScheduler(&'a [u8]),
}

/// Reads scheduler flags, comma separated, for a scheduler; where that is not known yet, for any
/// one.
pub fn scheduler_flags(
    word: &[u8],
    scheduler: Option<KernelName>,
) -> Result<NamedFlags, FlagFault<'_>> {
    let mut named = NamedFlags::default();
    for flag in word
        .split(|&byte| byte == b',')
        .filter(|flag| !flag.is_empty())
    {
        let (bit, owner) = SchedulerFlags::from_word(flag).ok_or(FlagFault::Unknown(flag))?;
        if let Some(owner) = owner {
            let one = scheduler.or(named.owner.map(KernelName::from));
            if one.is_some_and(|one| one != KernelName::from(owner)) {
                return Err(FlagFault::OfAnotherScheduler(flag));
            }
            named.owner = Some(owner);
        }
        named.flags = named.flags.union(bit);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        for (word, value) in [
            ("7", 7),
            (" 7", 7),
            ("\t\n7", 7),
            ("+7", 7),
            ("-7", -7),
            ("010", 10),
            ("-0", 0),
        ] {
            assert_eq!(number(word.as_bytes(), -100..=100), Some(value), "{word:?}");
        }
        for word in [
            "",
            " ",
            "7 ",
            "0x7",
            "7a",
            "7:",
            "7/",
            "+-7",
            "- 7",
            "101",
            "99999999999999999999999",
        ] {
            assert_eq!(number(word.as_bytes(), -100..=100), None, "{word:?}");
        }
    }

    #[test]
    fn an_ipv6_mask_ends_where_its_digits_end() {
        for (word, prefix) in [("64", Some(64)), (" +64x", Some(64)), ("128.7", Some(128))] {
            assert_eq!(ipv6_netmask(word.as_bytes()), prefix, "{word:?}");
        }
        for (word, prefix) in [("4294967360", Some(64)), ("-4294967232", Some(64))] {
            assert_eq!(ipv6_netmask(word.as_bytes()), prefix, "{word:?}");
        }
        for word in [
            "",
            "0",
            "-1",
            "129",
            "255.255.255.0",
            "x",
            "4294967296",
            "99999999999999999999",
            "-99999999999999999999",
            "-9223372036854775808",
        ] {
            assert_eq!(ipv6_netmask(word.as_bytes()), None, "{word:?}");
        }
    }

    #[test]
    fn an_ipv4_mask_is_an_address_or_the_name_of_one() {
        use AddressFamily::{Ipv4, Ipv6};
        let mut hosts = Hosts::answering(&[
            ("mask.invalid", Ipv4, Some("255.255.254.0")),
            ("new.invalid", Ipv4, None),
            ("new.invalid", Ipv6, Some("2001:db8::7")),
        ]);
        for (word, mask) in [
            ("255.255.0.0", Some([255, 255, 0, 0])),
            ("255.254", Some([255, 0, 0, 254])),
            ("mask.invalid", Some([255, 255, 254, 0])),
            ("new.invalid", None),
        ] {
            let mask = mask.map(Ipv4Addr::from);
            assert_eq!(ipv4_netmask(word.as_bytes(), &mut hosts), mask, "{word}");
        }
    }

    #[test]
    fn an_interval_is_seconds_with_fractions() {
        for (word, milliseconds) in [
            ("2", 2000),
            ("0.1", 100),
            (".5", 500),
            ("1.", 1000),
            ("1.25", 1250),
            ("2678400", 2_678_400_000),
            ("3.000000000000000000", 3000),
        ] {
            let interval = Duration::from_millis(milliseconds);
            assert_eq!(super::interval(word.as_bytes()), Some(interval), "{word}");
        }
        for word in [
            "",
            ".",
            "0",
            "0.09",
            "-1",
            "1e3",
            "inf",
            "NaN",
            "1,5",
            " 2",
            "2s",
            "2678400.1",
            "1.2.3",
            "3.0000000000000000000",
        ] {
            assert_eq!(interval(word.as_bytes()), None, "{word:?}");
        }
    }

    #[test]
    fn a_flag_goes_with_its_scheduler() {
        let sh = Some(KernelName::from("sh"));
        assert_eq!(
            scheduler_flags(b"sh-port,flag-1", sh).map(|named| named.flags.bits()),
            Ok(0b011)
        );
        assert_eq!(
            scheduler_flags(b"mh-port", sh),
            Err(FlagFault::OfAnotherScheduler(b"mh-port"))
        );
        assert_eq!(
            scheduler_flags(b"sh-port,x", sh),
            Err(FlagFault::Unknown(b"x"))
        );
        let of_any = NamedFlags {
            flags: SchedulerFlags::from_bits(0b011),
            owner: Some("mh"),
        };
        assert_eq!(scheduler_flags(b"flag-1,mh-port", None), Ok(of_any));
        assert_eq!(
            scheduler_flags(b"mh-port,sh-port", None),
            Err(FlagFault::OfAnotherScheduler(b"sh-port"))
        );
    }

    #[test]
    fn a_multicast_group_is_spelled_strictly() {
        assert_eq!(
            multicast_group(b"224.0.0.81"),
            Ok("224.0.0.81".parse().unwrap())
        );
        assert_eq!(multicast_group(b"ff02::1"), Ok("ff02::1".parse().unwrap()));
        assert_eq!(multicast_group(b"224.1"), Err(false));
        assert_eq!(multicast_group(b"10.0.0.1"), Err(false));
        assert_eq!(multicast_group(b"fe80::1"), Err(true));
    }
}
