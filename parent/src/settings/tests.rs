//! Flags, files and defaults.

use std::fs;

use super::*;
use crate::{EnclavesError, egress::RoutesError};

#[test]
fn a_flag_goes_before_a_file_and_a_file_before_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let one = file(
        &dir,
        "one",
        "listen = 'tcp:127.0.0.1:7000'\nenclave = 'vsock:16:5005'\n",
    );
    let two = file(&dir, "two", "idle-timeout = 5\nmax-connections = 7\n");
    let flags = Settings {
        max_connections: NonZeroUsize::new(3),
        ..Settings::default()
    };
    let config = flags.over_files(&[one, two]).unwrap().config().unwrap();
    assert_eq!(config.listen.to_string(), "tcp:127.0.0.1:7000");
    assert_eq!(config.max_connections.get(), 3);
    assert_eq!(config.idle_timeout, Duration::from_secs(5));
    assert_eq!(config.connect_timeout, Duration::from_secs(60));
}

#[test]
fn every_limit_can_be_set_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let text = "listen = 'tcp:a:1'\nenclave = 'tcp:a:2'\nproxy-protocol = 'v2'\nmax-connections = 1\n\
        max-connections-per-address = 2\nmax-connection-rate = 3\nmax-connection-rate-per-address = 4\n\
        handshake-timeout = 5\nconnect-timeout = 6\nidle-timeout = 7\nlifetime-timeout = 8\n\
        max-bytes-per-connection = 9\nmax-vsock-write = 10\n";
    let settings = Settings::default().over_files(&[file(&dir, "all", text)]);
    let config = settings.unwrap().config().unwrap();
    assert_eq!(config.proxy_protocol, ProxyProtocol::V2);
    let counts = [
        config.max_connections.get() as u64,
        config.max_connections_per_address.get() as u64,
        config.max_connection_rate.unwrap().get().into(),
        config.max_connection_rate_per_address.unwrap().get().into(),
        config.handshake_timeout.as_secs(),
        config.connect_timeout.as_secs(),
        config.idle_timeout.as_secs(),
        config.lifetime_timeout.as_secs(),
        config.max_bytes_per_connection.unwrap().get(),
        config.max_vsock_write.get() as u64,
    ];
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_proxy_is_not_over_vsock() {
    let settings = Settings {
        listen: "vsock:any:1".parse().ok(),
        enclave: Some(vec!["tcp:a:2".parse().unwrap()]),
        proxy_protocol: Some(ProxyProtocol::V2),
        ..Settings::default()
    };
    let error = settings.config().unwrap_err();
    assert!(matches!(error, SettingsError::ProxyOverVsock));
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    for (text, expected) in [
        (
            "listen = 'tcp:a:1'\nlimit = 3\n",
            ":2:1: unknown field `limit`",
        ),
        ("\n  idle-timeout = 'é'", ":2:18: invalid type: string"),
        ("idle-timeout = 0", ":1:16: seconds are a whole number"),
        ("listen = 'here'", ":1:10: `here` is not an endpoint"),
        ("max-connections = 0", ":1:19: invalid value: integer `0`"),
        ("listen = ", ":1:10: "),
        ("log-format = 'xml'", ":1:14: unknown variant `xml`"),
        (
            "enclave = 'vsock:16:5005,wieght=2'",
            ":1:11: after vsock:16:5005 and a comma come",
        ),
        (
            "enclave = [\n'vsock:16:5005',\n '16:5005',\n]",
            ":1:11: `16:5005` is not an endpoint",
        ),
        (
            "enclave = 16",
            ":1:11: invalid type: integer `16`, expected a string or",
        ),
        ("balance = 'random'", ":1:11: unknown variant `random`"),
    ] {
        let path = file(&dir, "bad", text);
        let error = Settings::default()
            .over_files(std::slice::from_ref(&path))
            .unwrap_err()
            .to_string();
        let expected = format!("{}{expected}", path.display());
        assert!(error.starts_with(&expected), "{error}, not {expected}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn enclaves_are_one_or_several_and_a_flag_goes_before_all_of_a_files() {
    let dir = tempfile::tempdir().unwrap();
    let config = |flags: &[&str], text: &str| {
        let enclave = flags.iter().map(|flag| flag.parse().unwrap()).collect();
        let flags = Settings {
            listen: "tcp:a:1".parse().ok(),
            enclave: (!flags.is_empty()).then_some(enclave),
            ..Settings::default()
        };
        flags
            .over_files(&[file(&dir, "file", text)])
            .unwrap()
            .config()
    };
    let several = "enclave = ['vsock:16:5005', 'vsock:17:5005,weight=2']\n\
                   balance = 'round-robin'\nprobe-interval = 30";
    let of_file = config(&[], several).unwrap();
    assert_eq!(
        of_file.enclaves.to_string(),
        "vsock:16:5005 vsock:17:5005,weight=2"
    );
    assert_eq!(of_file.balance, Balance::RoundRobin);
    assert_eq!(of_file.probe_interval, Some(Duration::from_secs(30)));
    let of_flags = config(&["vsock:18:5005"], several).unwrap();
    assert_eq!(of_flags.enclaves.to_string(), "vsock:18:5005");
    let one = config(&[], "enclave = 'vsock:16:5005'").unwrap();
    assert_eq!(one.enclaves.to_string(), "vsock:16:5005");
    let twice = config(&["vsock:1:1", "vsock:1:1,drain"], "").unwrap_err();
    assert!(matches!(
        twice,
        SettingsError::Enclaves(EnclavesError::Twice(_))
    ));
    let none = config(&[], "enclave = []").unwrap_err();
    assert!(matches!(none, SettingsError::Enclaves(EnclavesError::None)));
}

#[test]
fn one_key_in_two_files_is_an_error_that_names_both() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        file(&dir, "one", "idle-timeout = 5"),
        file(&dir, "two", "idle-timeout = 5"),
    ];
    let error = Settings::default().over_files(&files).unwrap_err();
    let SettingsError::Twice { key, paths } = error else {
        panic!("{error}");
    };
    assert_eq!((key.as_str(), paths), ("idle-timeout", files));
}

#[test]
fn what_is_missing_is_named() {
    let error = Settings::default().config().unwrap_err().to_string();
    assert!(
        error.starts_with("listen is not set: give --listen"),
        "{error}"
    );
    let settings = Settings {
        listen: "tcp:a:1".parse().ok(),
        enclave: Some(vec!["tcp:a:2".parse().unwrap()]),
        endorsements: Some("folder".into()),
        ..Settings::default()
    };
    let error = settings.config().unwrap_err();
    assert!(matches!(error, SettingsError::Missing("endorsements-to")));
}

#[test]
fn an_egress_needs_its_list_and_is_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let list = file(
        &dir,
        "egress.yaml",
        "allowlist:\n- {address: key.example, port: 443}\n",
    );
    let config = |flags: &[&str], text: &str| {
        let egress = flags.iter().map(|flag| flag.parse().unwrap()).collect();
        let flags = Settings {
            listen: "tcp:a:1".parse().ok(),
            enclave: Some(vec!["tcp:a:2".parse().unwrap()]),
            egress: (!flags.is_empty()).then_some(egress),
            ..Settings::default()
        };
        flags.over_files(&[file(&dir, "file", text)])?.config()
    };
    let routes = |config: Config| {
        let routes: Vec<String> = config
            .egress
            .routes
            .iter()
            .map(|route| route.to_string())
            .collect();
        routes.join(" ")
    };
    let list = format!("egress-allowlist = '{}'\n", list.display());
    let (one, two) = ("unix:one=key.example:443", "vsock:any:8443=KEY.example:443");
    let of_file = config(&[], &format!("{list}egress = ['{one}', '{two}']")).unwrap();
    assert_eq!(
        routes(of_file),
        format!("{one} vsock:any:8443=key.example:443")
    );
    let of_flag = config(&[one], &format!("{list}egress = '{two}'")).unwrap();
    assert_eq!(routes(of_flag), one);
    assert_eq!(routes(config(&[], "").unwrap()), "");

    let error = config(&[one], "").unwrap_err();
    assert!(matches!(error, SettingsError::Missing("egress-allowlist")));
    let error = config(&[], &list).unwrap_err();
    assert!(matches!(error, SettingsError::Missing("egress")));
    let error = config(&[one, one], &list).unwrap_err();
    assert!(matches!(
        error,
        SettingsError::Egress(RoutesError::Twice(_))
    ));
    let error = config(&["unix:one=key.example:444"], &list).unwrap_err();
    assert!(matches!(
        error,
        SettingsError::Egress(RoutesError::NotAllowed(_))
    ));
    let error = config(&[one], "egress-allowlist = '/nowhere.yaml'").unwrap_err();
    assert!(matches!(error, SettingsError::Allowlist(_)));
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}
