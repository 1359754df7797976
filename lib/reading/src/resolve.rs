//! Names to addresses, of which none may be forbidden.

use std::net::SocketAddr;

use crate::destination::{ForbiddenDestination, check_host, forbidden_address};

/// The system's answer for a host, if it is good. One address that is forbidden refuses the name, since the next
/// connection might take it.
///
/// # Errors
///
/// An I/O error, within which a [`ForbiddenDestination`] may be ([`forbidden_in`]).
pub(crate) async fn resolve(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    check_host(host).map_err(std::io::Error::other)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    judge(host, tokio::net::lookup_host((bare, port)).await?.collect())
}

fn judge(host: &str, addresses: Vec<SocketAddr>) -> std::io::Result<Vec<SocketAddr>> {
    match addresses.iter().find(|address| forbidden_address(address.ip())) {
        Some(bad) => Err(std::io::Error::other(ForbiddenDestination::Address {
            host: host.to_owned(),
            address: bad.ip(),
        })),
        None => Ok(addresses),
    }
}

/// A forbidden destination in one link of a chain of causes: the resolver's error travels inside of an I/O error, whose
/// `source` skips it.
pub(crate) fn forbidden_in(error: &(dyn std::error::Error + 'static)) -> Option<ForbiddenDestination> {
    error.downcast_ref::<ForbiddenDestination>().cloned().or_else(|| {
        let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
        inner.downcast_ref::<ForbiddenDestination>().cloned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_one_forbidden_address_among_good_ones_is_refused() {
        let good: SocketAddr = "10.0.0.1:0".parse().expect("an address");
        let bad: SocketAddr = "169.254.169.254:0".parse().expect("an address");
        assert!(judge("rebinding.example", vec![good]).is_ok());
        let refused = judge("rebinding.example", vec![good, bad]).expect_err("refused");
        assert!(forbidden_in(&refused).is_some());
    }

    /// The system's resolver takes it for a link-local address; as a host of a URL it is none.
    #[tokio::test]
    async fn what_a_name_resolves_to_is_looked_at() {
        let name = "fe80::1%lo";
        assert_eq!(check_host(name), Ok(()), "not known before it is resolved");
        let refused = resolve(name, 0).await.expect_err("refused");
        assert!(forbidden_in(&refused).is_some(), "{refused}");
        assert!(resolve("localhost", 0).await.is_ok());
    }
}
