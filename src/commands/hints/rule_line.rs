//! Explains what is wrong with a line that is no rule. Mostly it was written for somebody else, a
//! shell or a person.

#![forbid(unsafe_code)]

/// Explains what the line most likely is, and what a rule looks like.
pub fn about(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let first = words.first()?;
    let is_listing = line.starts_with("IP Virtual Server version")
        || line.starts_with("Prot LocalAddress")
        || line.starts_with("IPVS connection entries")
        || ["TCP", "UDP", "SCTP", "FWM", "->"].contains(first);
    let told = if is_listing {
        "this is a listing; what ipvsadm-save writes can be restored"
    } else if words.iter().any(|word| word.starts_with('#')) {
        "a remark takes a line of its own"
    } else if !first.starts_with(['-', '\'', '"']) {
        "a rule is what stands behind ipvsadm on a command line, like -A -t 192.0.2.1:80 -s rr"
    } else if line.contains(['\'', '"', '$', '`', '|', '>', '<', '&']) {
        "no shell reads this: quotes, variables and redirections have no meaning here"
    } else {
        return None;
    };
    Some(told.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_others_are_known() {
        for (line, told) in [
            ("IP Virtual Server version 1.2.1 (size=4096)", "listing"),
            ("TCP  192.0.2.1:80 rr", "listing"),
            ("  -> 10.0.0.1:80   Masq 1 0 0", "listing"),
            ("-A -t 192.0.2.1:80 # web", "of its own"),
            ("sudo ipvsadm -A -t 192.0.2.1:80", "behind ipvsadm"),
            ("/sbin/ipvsadm -A -t 192.0.2.1:80", "behind ipvsadm"),
            ("VIP=192.0.2.1", "behind ipvsadm"),
            ("-A -t \"192.0.2.1:80\"", "no shell"),
            ("-A -t $VIP:80", "no shell"),
        ] {
            let hint = about(line.as_bytes()).unwrap_or_default();
            assert!(hint.contains(told), "{line}: {hint}");
        }
        assert_eq!(about(b"-A -t 192.0.2.1:80 -s rr -q"), None);
        assert_eq!(about(b""), None);
    }
}
