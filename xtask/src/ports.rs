//! Ports of the loopback interface that nobody listens on.
//!
//! They are looked for below the range from which the kernel (32768 and up) takes the local end of outgoing
//! connections, so that none is lost to a passing client between this look and the server's own bind; and each run
//! begins elsewhere, so that two runs at once seldom look at the same ones.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Result, anyhow};

const FIRST: u16 = 20_000;
const END: u16 = 32_000;

/// `N` different free ports.
///
/// # Errors
/// When there are not so many.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let span = u32::from(END - FIRST);
    let begin = FIRST + u16::try_from(std::process::id().wrapping_mul(16) % span)?;
    let found: Vec<u16> = (begin..END).chain(FIRST..begin).filter(|&port| is_free(port)).take(N).collect();
    found.try_into().map_err(|_| anyhow!("no {N} free ports between {FIRST} and {END} on 127.0.0.1"))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether somebody listens there.
pub(crate) fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_differ() {
        let [one, two, three] = free::<3>().unwrap();
        assert!(one != two && two != three && one != three);
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(held.local_addr().unwrap().port()));
    }
}
