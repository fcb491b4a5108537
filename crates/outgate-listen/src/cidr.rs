//! Networks by address and prefix length.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network, as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one (RFC 4632 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No IP address before the slash.
    #[error("not an IP address")]
    Address,
    /// No prefix length behind the slash.
    #[error("not a prefix length; an IPv4 network takes 0 to 32, an IPv6 network 0 to 128")]
    Prefix,
    /// The address has bits behind the prefix.
    #[error("the address has bits set behind its prefix; did you mean {0}?")]
    HostBits(Cidr),
    /// An IPv4 address in IPv6 clothing.
    #[error("write IPv4 networks as IPv4, not as ::ffff:0:0/96")]
    Mapped,
}

impl Cidr {
    /// Whether `address` lies in the network. An IPv4 address that came through an IPv6 socket counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                leading(network.to_bits().into(), self.prefix, 32)
                    == leading(address.to_bits().into(), self.prefix, 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                leading(network.to_bits(), self.prefix, 128) == leading(address.to_bits(), self.prefix, 128)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn truncated(self) -> Self {
        let network = match self.network {
            IpAddr::V4(address) => {
                let bits = leading(address.to_bits().into(), self.prefix, 32);
                IpAddr::V4(std::net::Ipv4Addr::from_bits(bits as u32))
            }
            IpAddr::V6(address) => {
                IpAddr::V6(std::net::Ipv6Addr::from_bits(leading(address.to_bits(), self.prefix, 128)))
            }
        };
        Self { network, ..self }
    }
}

/// The first `prefix` of `width` bits; the rest cleared.
fn leading(bits: u128, prefix: u8, width: u8) -> u128 {
    let rest = u32::from(width - prefix);
    bits.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        if network != network.to_canonical() {
            return Err(CidrError::Mapped);
        }
        let width = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<u8>().ok().filter(|prefix| *prefix <= width).ok_or(CidrError::Prefix)?
            }
            Some(_) => return Err(CidrError::Prefix),
        };
        let cidr = Self { network, prefix };
        let truncated = cidr.truncated();
        if truncated == cidr { Ok(cidr) } else { Err(CidrError::HostBits(truncated)) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::1", "2001:db8::1", true),
            ("2001:db8::1", "2001:db8::2", false),
        ] {
            let network: Cidr = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network} and {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for (text, error) in [
            ("", CidrError::Address),
            ("example.org", CidrError::Address),
            ("10.0.0/8", CidrError::Address),
            ("10.0.0.0/", CidrError::Prefix),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            ("10.0.0.0/8/8", CidrError::Prefix),
            ("2001:db8::/129", CidrError::Prefix),
            ("10.0.0.1/8", CidrError::HostBits("10.0.0.0/8".parse().unwrap())),
            ("::ffff:10.0.0.0/104", CidrError::Mapped),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }

    #[test]
    fn display_is_canonical() {
        assert_eq!("192.0.2.7".parse::<Cidr>().unwrap().to_string(), "192.0.2.7/32");
        assert_eq!("2001:0db8::/32".parse::<Cidr>().unwrap().to_string(), "2001:db8::/32");
    }
}
