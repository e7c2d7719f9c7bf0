//! Says which addresses may be called on behalf of a tenant: the guard against requests into our own network.
//!
//! Only globally routable unicast addresses pass. Everything else is named, so that the refusal can say what it was.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address a forbidden one is, or `None` for a public one.
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => forbidden_v6(address),
    }
}

/// Azure's platform endpoint: a public number that only machines of that cloud reach.
const AZURE_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn forbidden_v4(address: Ipv4Addr) -> Option<&'static str> {
    if address == AZURE_METADATA {
        return Some("cloud metadata");
    }
    Some(match address.octets() {
        [0, ..] => "unspecified",
        [10, ..] | [192, 168, ..] => "private",
        [172, second, ..] if (16..32).contains(&second) => "private",
        [100, second, ..] if (64..128).contains(&second) => "carrier-grade NAT",
        [127, ..] => "loopback",
        [169, 254, 169, 254] => "cloud metadata",
        [169, 254, ..] => "link-local",
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => "reserved",
        [198, 18 | 19, ..] => "benchmarking",
        [first, ..] if (224..240).contains(&first) => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [first, ..] if first >= 240 => "reserved",
        _ => return None,
    })
}

fn forbidden_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("unspecified");
    }
    if address.is_loopback() {
        return Some("loopback");
    }
    let segments = address.segments();
    if let [0, 0, 0, 0, 0, 0xffff, ..] = segments {
        return Some("v4-mapped");
    }
    // The well-known prefix of NAT64 carries an IPv4 address: a network with only IPv6 reaches the rest through it.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        return forbidden_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    match segments[0] {
        first if first & 0xfe00 == 0xfc00 => Some("unique local"),
        first if first & 0xffc0 == 0xfe80 => Some("link-local"),
        first if first & 0xffc0 == 0xfec0 => Some("site-local"),
        first if first & 0xff00 == 0xff00 => Some("multicast"),
        0x2001 if segments[1] == 0x0db8 => Some("documentation"),
        0x2001 if segments[1] < 0x0200 => Some("reserved"),
        0x2002 => Some("6to4"),
        first if first & 0xe000 == 0x2000 && first != 0x3fff => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<&str>) {
        assert_eq!(forbidden(address.parse().expect("address")), expected, "{address}");
    }

    #[test]
    fn addresses_of_our_own_network_are_forbidden() {
        for (address, kind) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.255.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.1", "loopback"),
            ("127.9.9.9", "loopback"),
            ("169.254.169.254", "cloud metadata"),
            ("168.63.129.16", "cloud metadata"),
            ("169.254.0.1", "link-local"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "reserved"),
            ("198.19.0.1", "benchmarking"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("240.0.0.1", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:8.8.8.8", "v4-mapped"),
            ("::ffff:127.0.0.1", "v4-mapped"),
            ("::127.0.0.1", "reserved"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b:1::1", "reserved"),
            ("fc00::1", "unique local"),
            ("fd00:ec2::254", "unique local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("2001::1", "reserved"),
            ("2002:7f00:1::", "6to4"),
            ("3fff::1", "reserved"),
            ("100::1", "reserved"),
        ] {
            check(address, Some(kind));
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ] {
            check(address, None);
        }
    }
}
