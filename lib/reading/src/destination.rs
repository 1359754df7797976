//! Where a source may not lead to: what answers there hands out credentials of the machine itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A destination that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenDestination {
    /// An address.
    #[error(
        "{host} is {address}, a link-local or metadata address, where machines keep their own credentials"
    )]
    Address {
        /// As it was named.
        host: String,
        /// What it resolves to.
        address: IpAddr,
    },
    /// A name.
    #[error("{0} is the name of a metadata service, where machines keep their own credentials")]
    Name(String),
}

/// Whether nobody may be sent to that address: link-local, unspecified, multicast, or a metadata service that a cloud
/// keeps elsewhere. An IPv6 address that stands for an IPv4 one is judged as that.
#[must_use]
pub fn forbidden_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => embedded(address).is_some_and(forbidden_v4) || forbidden_v6(address),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local()
        || address.octets()[0] == 0
        || address.is_broadcast()
        || address.is_multicast()
        // Alibaba Cloud's, Azure's and Oracle's.
        || address == Ipv4Addr::new(100, 100, 100, 200)
        || address == Ipv4Addr::new(168, 63, 129, 16)
        || address == Ipv4Addr::new(192, 0, 0, 192)
}

fn forbidden_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        // Amazon's and Google's.
        || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        || address == Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)
}

/// The IPv4 address in a mapped, compatible, NAT64 or 6to4 address.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let part = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => None,
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(part(high, low)),
        _ => None,
    }
}

/// Whether that is the name of a metadata service. Names are refused beside addresses because a resolver may answer
/// for them with an address of its own.
#[must_use]
pub fn forbidden_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    const NAMES: [&str; 6] = [
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.internal",
    ];
    NAMES.contains(&name.as_str())
}

/// `host` as it stands in a URL: a name, or an address.
pub(crate) fn check_host(host: &str) -> Result<(), ForbiddenDestination> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // What the WHATWG's URLs read as an address too: 0xa9fea9fe, 2852039166, 169.254.43518.
    let parsed = bare.parse::<IpAddr>().ok().or_else(|| match url::Host::parse(bare) {
        Ok(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Ok(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    });
    match parsed {
        Some(address) if forbidden_address(address) => {
            Err(ForbiddenDestination::Address { host: host.to_owned(), address })
        }
        None if forbidden_name(bare) => Err(ForbiddenDestination::Name(host.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_refused_however_they_are_written() {
        for host in [
            "169.254.169.254",
            "169.254.0.1",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "0xa9fea9fe",
            "2852039166",
            "169.254.43518",
            "0251.0376.0251.0376",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "[::]",
            "metadata.google.internal",
            "METADATA.google.internal.",
            "metadata",
            "instance-data",
        ] {
            assert!(check_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn other_destinations_are_not() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "localhost",
            "10.0.0.1",
            "s3.eu-west-1.amazonaws.com",
            "minio.storage.svc",
            "169.253.1.1",
        ] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
    }
}
