//! Version 2: binary (§2.2).

use super::{ProxyError, Told};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How a header begins (§2.2).
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Octets from there to the addresses.
pub(super) const REST: usize = 4;
/// The longest addresses and extensions that are read; the field could say 65,535.
const LONGEST: usize = 4096;
/// Octets of two IPv6 addresses and two ports.
const V6_ADDRESSES: usize = 36;

/// What is known before the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    says: Says,
    /// Octets that follow.
    pub(super) length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    V4,
    V6,
    /// LOCAL, or an address family that is none of the internet's.
    Nothing,
}

/// Reads the four octets behind the signature.
pub(super) fn head([version_command, family_transport, high, low]: [u8; REST]) -> Result<Head, ProxyError> {
    let malformed = ProxyError::Malformed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(malformed("it is too long"));
    }
    let says = match (version_command, family_transport) {
        (0x21, 0x11) => Says::V4,
        (0x21, 0x21) => Says::V6,
        // LOCAL (a health check of the proxy's own; the family is ignored, §2.2), or an unspecified family, or a UNIX
        // socket on the proxy
        (0x20, _) | (0x21, 0x00 | 0x31) => Says::Nothing,
        (0x21, _) => return Err(malformed("its family or transport is not one of a TCP connection")),
        (0x22..=0x2f, _) => return Err(malformed("its command is neither LOCAL nor PROXY")),
        _ => return Err(malformed("its version is not 2")),
    };
    Ok(Head { says, length })
}

/// Reads the addresses; the extensions behind them are ignored (§2.2).
pub(super) fn body(head: Head, body: &[u8]) -> Result<Told, ProxyError> {
    // source address, destination address, source port, destination port
    match (head.says, body) {
        (Says::Nothing, _) => Ok(Told::Nothing),
        (Says::V4, [a, b, c, d, _, _, _, _, high, low, _, _, ..]) => {
            Ok(client(IpAddr::V4(Ipv4Addr::new(*a, *b, *c, *d)), [*high, *low]))
        }
        (Says::V6, rest) if rest.len() >= V6_ADDRESSES => {
            let mut source = [0; 16];
            source.copy_from_slice(&rest[..16]);
            Ok(client(IpAddr::V6(Ipv6Addr::from(source)), [rest[32], rest[33]]))
        }
        (Says::V4 | Says::V6, _) => Err(ProxyError::Malformed("it is too short for its addresses")),
    }
}

fn client(address: IpAddr, port: [u8; 2]) -> Told {
    Told::Client(SocketAddr::new(address.to_canonical(), u16::from_be_bytes(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head_octets: [u8; REST], octets: &[u8]) -> Result<Told, String> {
        let head = head(head_octets).map_err(|error| error.to_string())?;
        body(head, octets).map_err(|error| error.to_string())
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0x02, 0x4b];

    #[test]
    fn good_headers() {
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 1;
        v6[32..34].copy_from_slice(&[0x13, 0x88]);
        let mut extended = V4.to_vec();
        extended.extend_from_slice(&[0x04, 0, 1, 0]);
        for (head, octets, told) in [
            ([0x21, 0x11, 0, 12], &V4[..], Some("192.0.2.1:5000")),
            ([0x21, 0x11, 0, 16], &extended, Some("192.0.2.1:5000")),
            ([0x21, 0x21, 0, 36], &v6, Some("[2001:db8::1]:5000")),
            ([0x21, 0x00, 0, 0], &[], None),
            ([0x21, 0x31, 0, 216], &[0; 216], None),
            ([0x20, 0x00, 0, 0], &[], None),
            ([0x20, 0x11, 0, 12], &V4, None),
            ([0x20, 0xff, 0, 3], &[1, 2, 3], None),
        ] {
            let expected = told.map_or(Told::Nothing, |address| Told::Client(address.parse().unwrap()));
            assert_eq!(read(head, octets), Ok(expected), "{head:x?}");
        }
    }

    #[test]
    fn bad_headers() {
        for (head, octets) in [
            ([0x11, 0x11, 0, 12], &V4[..]),
            ([0x31, 0x11, 0, 12], &V4),
            ([0x22, 0x11, 0, 12], &V4),
            ([0x21, 0x12, 0, 12], &V4),
            ([0x21, 0x41, 0, 12], &V4),
            ([0x21, 0x11, 0, 11], &V4[..11]),
            ([0x21, 0x21, 0, 12], &V4),
            ([0x21, 0x11, 0xff, 0xff], &V4),
        ] {
            assert!(read(head, octets).is_err(), "{head:x?}");
        }
    }
}
