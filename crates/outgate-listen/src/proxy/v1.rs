//! Version 1: one line for people (§2.1).

use super::{ProxyError, Told};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How a line begins.
pub(super) const START: &[u8] = b"PROXY ";
/// The longest line there can be, with its CR LF (§2.1).
pub(super) const LONGEST: usize = 107;

/// Reads one line with its end.
pub(super) fn line(line: &[u8]) -> Result<Told, ProxyError> {
    let malformed = ProxyError::Malformed;
    let text = line.strip_suffix(b"\r\n").ok_or(malformed("the line does not end in CR LF"))?;
    let text = std::str::from_utf8(text).map_err(|_| malformed("the line is not ASCII"))?;
    let mut words = text.split(' ');
    let (Some("PROXY"), Some(family)) = (words.next(), words.next()) else {
        return Err(malformed("the line does not begin with PROXY and a family"));
    };
    if family == "UNKNOWN" {
        return Ok(Told::Nothing); // and whatever else the line says is ignored (§2.1)
    }
    let rest = [words.next(), words.next(), words.next(), words.next()];
    let ([Some(source), Some(destination), Some(source_port), Some(destination_port)], None) =
        (rest, words.next())
    else {
        return Err(malformed("the line has not the two addresses and two ports it must have"));
    };
    let address = match family {
        "TCP4" => |text: &str| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text: &str| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return Err(malformed("the family is none of TCP4, TCP6 and UNKNOWN")),
    };
    let (Some(source), Some(_)) = (address(source), address(destination)) else {
        return Err(malformed("an address is not one of its family"));
    };
    let (Some(port), Some(_)) = (port(source_port), port(destination_port)) else {
        return Err(malformed("a port is not a number from 0 to 65535"));
    };
    Ok(Told::Client(SocketAddr::new(source.to_canonical(), port)))
}

/// Digits only, no leading zero (§2.1).
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_lines() {
        for (text, told) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 5000 587\r\n", Some("192.0.2.1:5000")),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", Some("255.255.255.255:65535")),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 5000 465\r\n", Some("[2001:db8::1]:5000")),
            ("PROXY TCP6 ::ffff:192.0.2.1 ::1 5000 465\r\n", Some("192.0.2.1:5000")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
        ] {
            let expected = told.map_or(Told::Nothing, |address| Told::Client(address.parse().unwrap()));
            assert_eq!(line(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn bad_lines() {
        for text in [
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 587\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 587",
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 587 1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 587 \r\n",
            "PROXY  TCP4 192.0.2.1 192.0.2.2 5000 587\r\n",
            "PROXY TCP4 192.0.2.1  192.0.2.2 5000 587\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 587\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +5000 587\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 05000 587\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 -1 587\r\n",
            "PROXY TCP4 192.0.2.001 192.0.2.2 5000 587\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 5000 587\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 5000 587\r\n",
            "PROXY TCP6 fe80::1%eth0 fe80::2 5000 587\r\n",
            "PROXY tcp4 192.0.2.1 192.0.2.2 5000 587\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.2 5000 587\r\n",
            "PROXY UNKNOWNX\r\n",
            "PROXY \r\n",
            "PROXY TCP4 192.0.2.1\t192.0.2.2 5000 587\r\n",
        ] {
            assert!(line(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(line(b"PROXY TCP4 \xff 192.0.2.2 5000 587\r\n").is_err());
    }
}
