//! One table of destinations: what strangers may name, and what they may not, whatever they call it.

use std::net::IpAddr;

use proptest::prelude::*;
use semantest::net::Method;
use semantest::net::{NetError, Policy, Purpose, Request, UNREACHABLE};
use url::Url;

use super::peer::{Peer, answer};
use super::{Outcome, client, listing};

/// Literal destinations that are refused although the URL looks like any other.
const REFUSED: [&str; 84] = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0177.1/",
    "https://127.0.0.1./",
    "https://127.255.255.254/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://user:secret@localhost/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:7f00:1]/",
    "https://[::]/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://10.0.0.1/",
    "https://10.1/",
    "https://167772161/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.0.1/",
    "https://169.254.169.254/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://0251.0376.0251.0376/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fd20:ce::254]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://169.254.170.2/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://192.31.196.1/",
    "https://192.52.193.1/",
    "https://192.88.99.1/",
    "https://192.168.1.1/",
    "https://192.175.48.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[fc00::1]/",
    "https://[fdff::1]/",
    "https://[fe80::1]/",
    "https://[febf::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[64:ff9b:1::1]/",
    "https://[100::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[2002:808:808::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
    "https://[2606:4700::5efe:10.0.0.1]/",
];

/// Destinations whose scheme or port is refused.
const REFUSED_DOORS: [&str; 10] = [
    "http://example.com/",
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:8443/",
    "http://example.com:443/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:text/plain,x",
    "unix:/run/docker.sock",
];

/// Destinations that are fine.
const ALLOWED: [&str; 14] = [
    "https://example.com/",
    "https://example.com:443/hook?x=1",
    "https://8.8.8.8/",
    "https://1.1.1.1/",
    "https://9.255.255.255/",
    "https://11.0.0.0/",
    "https://172.15.255.255/",
    "https://172.32.0.0/",
    "https://100.63.255.255/",
    "https://100.128.0.0/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001::1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://localhost.example.com/",
];

fn closed_policy(purpose: Purpose) -> Policy {
    Policy::new(&listing(&[]), purpose, false)
}

#[test]
fn every_disguise_of_a_closed_address_is_seen_through() {
    for purpose in [Purpose::Webhooks, Purpose::Sources, Purpose::Guests, Purpose::Providers] {
        let policy = closed_policy(purpose);
        for text in REFUSED.iter().chain(&REFUSED_DOORS) {
            // What does not even parse is refused at the door of the API.
            if let Ok(url) = Url::parse(text) {
                assert!(policy.check_url(&url).is_err(), "{text} for {purpose:?}");
            }
        }
        for text in ALLOWED {
            let verdict = Url::parse(text).map(|url| policy.check_url(&url));
            assert_eq!(verdict, Ok(Ok(())), "{text} for {purpose:?}");
        }
    }
}

#[test]
fn the_table_is_made_of_urls_that_parse() {
    for text in REFUSED {
        assert!(Url::parse(text).is_ok(), "{text} tests nothing");
    }
}

#[tokio::test]
async fn a_stranger_hears_the_same_text_for_every_refusal() -> Outcome {
    let client = client(Purpose::Webhooks, &[])?;
    for text in REFUSED.iter().chain(&REFUSED_DOORS) {
        let Ok(url) = Url::parse(text) else { continue };
        let error = client.send(Request::new(Method::Post, url)).await.err();
        assert!(matches!(error, Some(NetError::Denied(_))), "{text}: {error:?}");
        assert_eq!(error.map(|error| error.public_message()).as_deref(), Some(UNREACHABLE));
    }
    Ok(())
}

#[test]
fn metadata_and_link_local_stay_closed_whatever_is_listed() -> Outcome {
    let everything = ["0.0.0.0/0", "::/0"];
    for loopback_allowed in [false, true] {
        let base = Url::parse("http://169.254.169.254/")?;
        let policy = Policy::new(&listing(&everything), Purpose::Webhooks, loopback_allowed).granting(&base);
        for text in [
            "http://169.254.169.254/latest/meta-data/",
            "http://0xa9fea9fe/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://169.254.170.2/v2/credentials",
            "http://168.63.129.16/",
            "http://metadata.google.internal/",
            "http://169.254.1.1/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://224.0.0.1/",
        ] {
            assert!(policy.check_url(&Url::parse(text)?).is_err(), "{text}");
        }
        assert_eq!(policy.check_url(&Url::parse("http://10.0.0.1:8080/")?), Ok(()));
        assert_eq!(policy.check_url(&Url::parse("http://127.0.0.1:8080/")?), Ok(()));
    }
    Ok(())
}

#[test]
fn a_listed_translator_opens_only_what_is_open_behind_it() -> Outcome {
    let policy = Policy::new(&listing(&["64:ff9b::/96"]), Purpose::Webhooks, false);
    assert_eq!(policy.check_url(&Url::parse("https://[64:ff9b::8.8.8.8]/")?), Ok(()));
    assert!(policy.check_url(&Url::parse("https://[64:ff9b::10.0.0.1]/")?).is_err());
    assert!(policy.check_url(&Url::parse("https://[64:ff9b::127.0.0.1]/")?).is_err());
    Ok(())
}

#[test]
fn a_listed_network_may_be_asked_on_any_port_and_its_neighbour_on_none() -> Outcome {
    let policy = Policy::new(&listing(&["10.0.0.0/8"]), Purpose::Webhooks, false);
    for (text, is_allowed) in [
        ("http://10.0.0.1:8080/", true),
        ("https://10.255.255.255/", true),
        ("http://192.168.0.1:8080/", false),
        ("http://127.0.0.1:8080/", false),
        ("http://8.8.8.8/", false),
        ("https://8.8.8.8:8443/", false),
        ("https://8.8.8.8/", true),
    ] {
        assert_eq!(policy.check_url(&Url::parse(text)?).is_ok(), is_allowed, "{text}");
    }
    Ok(())
}

#[test]
fn loopback_is_open_only_where_it_is_told_so() -> Outcome {
    for text in ["http://127.0.0.1:3000/", "http://localhost:3000/", "http://[::1]:3000/", "http://127.1:3000/"] {
        let url = Url::parse(text)?;
        assert!(Policy::new(&listing(&[]), Purpose::Webhooks, false).check_url(&url).is_err(), "{text}");
        assert_eq!(Policy::new(&listing(&[]), Purpose::Webhooks, true).check_url(&url), Ok(()), "{text}");
    }
    let dev = Policy::new(&listing(&[]), Purpose::Webhooks, true);
    for text in ["http://10.0.0.1/", "http://192.168.0.1:3000/", "http://169.254.169.254/", "http://8.8.8.8/"] {
        assert!(dev.check_url(&Url::parse(text)?).is_err(), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn one_listed_address_gets_through_and_the_one_beside_it_does_not() -> Outcome {
    let listed = Peer::start_on([127, 0, 0, 2].into(), vec![answer(200, "", "in")]).await?;
    let beside = Peer::start_on([127, 0, 0, 1].into(), vec![answer(200, "", "leak")]).await?;
    let client = client(Purpose::Webhooks, &["127.0.0.2/32"])?;
    let reached = client.send(Request::new(Method::Post, listed.url("/hook")?)).await?;
    assert_eq!((reached.status, reached.body.as_ref()), (200, b"in".as_slice()));
    let refused = client.send(Request::new(Method::Post, beside.url("/hook")?)).await;
    assert!(matches!(refused, Err(NetError::Denied(_))));
    assert_eq!(beside.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn a_configured_base_url_is_its_own_permission_and_nobody_elses() -> Outcome {
    let (own, other) = (Peer::start(vec![answer(200, "", "ok")]).await?, Peer::start(vec![answer(200, "", "")]).await?);
    let policy = Policy::new(&listing(&[]), Purpose::Providers, false).granting(&own.url("/v1")?);
    let client = semantest::net::Client::new(policy, semantest::net::ClientLimits::default())?;
    let reached = client.send(Request::new(Method::Post, own.url("/v1/images/generations")?)).await?;
    assert_eq!(reached.status, 200);
    let refused = client.send(Request::new(Method::Get, other.url("/picture.png")?)).await;
    assert!(matches!(refused, Err(NetError::Denied(_))));
    assert_eq!(other.connections(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn an_address_is_judged_alike_however_it_is_written(bits: u32) {
        let policy = closed_policy(Purpose::Webhooks);
        let [a, b, c, d] = bits.to_be_bytes();
        let verdict = policy.check_address(IpAddr::from([a, b, c, d])).is_ok();
        let rest = bits & 0x00ff_ffff;
        for host in [
            format!("{a}.{b}.{c}.{d}"),
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("{a:#o}.{rest}").replace("0o", "0"),
            format!("{a}.{b}.{c}.{d}."),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
        ] {
            let url = Url::parse(&format!("https://{host}/"));
            prop_assert_eq!(url.map(|url| policy.check_url(&url).is_ok()), Ok(verdict), "{}", host);
        }
        // Translators and tunnels are closed altogether, and never a way around a closed address.
        for host in [format!("[64:ff9b::{a}.{b}.{c}.{d}]"), format!("[2002:{:x}:{:x}::1]", bits >> 16, bits & 0xffff)] {
            let url = Url::parse(&format!("https://{host}/"));
            prop_assert_eq!(url.map(|url| policy.check_url(&url).is_ok()), Ok(false), "{}", host);
        }
    }
}
