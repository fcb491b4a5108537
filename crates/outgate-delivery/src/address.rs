//! Which addresses are the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that a stranger's DNS may send us to: not ourselves, not our neighbours, not the cloud's
/// metadata service, and not one of those in the clothes of IPv6 (IANA's special-purpose address registries, RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    /// The address at which Azure serves its machines' metadata, in the middle of public space.
    const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    let [a, b, c, _] = address.octets();
    !(a == 0 // "this network" (RFC 791 §3.2)
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local() // the usual metadata address is in here
        || (a == 100 && (64..128).contains(&b)) // carriers' NAT (RFC 6598)
        || (a == 192 && b == 0 && c == 0) // protocol assignments (RFC 6890)
        || (a == 198 && (18..20).contains(&b)) // benchmarks (RFC 2544)
        || a >= 224 // multicast, reserved, broadcast
        || address == AZURE)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let part = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    if part[..5] == [0; 5] {
        return false; // unspecified, loopback, IPv4-mapped and IPv4-compatible (RFC 4291 §2.5): an A record says that better
    }
    match part[0] {
        0x0064 if part[1] == 0xff9b => part[2..6] == [0; 4] && is_public_v4(embedded(part[6], part[7])), // NAT64 (RFC 6052)
        0x2002 => is_public_v4(embedded(part[1], part[2])), // 6to4 (RFC 3056)
        0x2001 if part[1] == 0 => is_public_v4(embedded(!part[6], !part[7])), // Teredo (RFC 4380)
        first => {
            !((0xfc00..=0xfdff).contains(&first) // unique local (RFC 4193)
                || (0xfe80..=0xfeff).contains(&first) // link-local and the old site-local (RFC 4291)
                || first >= 0xff00) // multicast
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_public() {
        for address in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.2.1",
            "223.255.255.255",
            "2001:db8::1",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::1",
            "2001:0:0:0:0:0:80ff:fffe",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
