//! Names of imports and exports: `package/interface@version`.

use semver::Version;

/// A name taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InterfaceName<'a> {
    /// Such as `semantest:addon`.
    pub(super) package: &'a str,
    /// Such as `kv`.
    pub(super) interface: &'a str,
    /// None for a package without versions.
    pub(super) version: Option<Version>,
}

impl<'a> InterfaceName<'a> {
    /// Takes a name apart; none when it names no interface of a package.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = match name.split_once('@') {
            Some((path, version)) => (path, Some(Version::parse(version).ok()?)),
            None => (name, None),
        };
        let (package, interface) = path.split_once('/')?;
        package.contains(':').then_some(Self { package, interface, version })
    }

    /// The name without its version, as capabilities name their interfaces.
    pub(super) fn bare(&self) -> String {
        format!("{}/{}", self.package, self.interface)
    }
}

/// Interfaces of the contract that need no capability.
const CONTRACT_BASELINE: [&str; 9] =
    ["types", "assets", "image-types", "chat-types", "kv-types", "host", "log", "config", "progress"];

/// The inert WASI that every call has, for the toolchains that always import it.
const WASI_BASELINE: [(&str, &[&str]); 6] = [
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:filesystem", &["types", "preopens"]),
    (
        "wasi:sockets",
        &["network", "instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// Whether the contract's interface needs no capability.
pub(super) fn is_contract_baseline(interface: &str) -> bool {
    CONTRACT_BASELINE.contains(&interface)
}

/// Whether a name is one of the inert WASI's, in any 0.2.N: they link to each other.
pub(super) fn is_wasi_baseline(name: &InterfaceName<'_>) -> bool {
    is_wasi_0_2(name)
        && WASI_BASELINE
            .iter()
            .any(|(package, interfaces)| *package == name.package && interfaces.contains(&name.interface))
}

/// Whether a name's version is 0.2.N.
pub(super) fn is_wasi_0_2(name: &InterfaceName<'_>) -> bool {
    name.version.as_ref().is_some_and(|version| version.major == 0 && version.minor == 2 && version.pre.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_where_the_format_says() {
        let name = InterfaceName::parse("semantest:addon/kv-types@1.0.0");
        assert_eq!(
            name,
            Some(InterfaceName {
                package: "semantest:addon",
                interface: "kv-types",
                version: Some(Version::new(1, 0, 0)),
            })
        );
        for odd in ["", "run", "a/b", "semantest:addon", "semantest:addon/kv@one", "semantest:addon/kv@1"] {
            assert_eq!(InterfaceName::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_inert_wasi_is_0_2_and_nothing_else() {
        for (name, expected) in [
            ("wasi:cli/environment@0.2.0", true),
            ("wasi:cli/environment@0.2.12", true),
            ("wasi:cli/environment@0.2.99", true),
            ("wasi:cli/environment@0.3.0", false),
            ("wasi:cli/environment@0.2.0-rc.1", false),
            ("wasi:cli/environment", false),
            ("wasi:cli/made-up@0.2.0", false),
            ("wasi:http/types@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0", false),
        ] {
            let found = InterfaceName::parse(name).is_some_and(|name| is_wasi_baseline(&name));
            assert_eq!(found, expected, "{name}");
        }
    }
}
