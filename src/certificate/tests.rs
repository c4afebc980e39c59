//! Tests of certificates: each is made for the test, by an authority that lives as long.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;
use crate::settings;

/// 2026-11-28T22:13:20Z.
const NOW: u64 = 1_795_904_000;
const DAY: u64 = 86_400;

/// Writes a certificate that is valid from one day to another, counted from [`NOW`], and its key; says what the settings would.
fn pair(directory: &Path, names: &[&str], days: (i64, i64)) -> Listen {
    let authority = Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = (SystemTime::UNIX_EPOCH + Duration::from_secs(after(days.0))).into();
    params.not_after = (SystemTime::UNIX_EPOCH + Duration::from_secs(after(days.1))).into();
    written(directory, &params.signed_by(&key, &authority).unwrap().pem(), &key)
}

/// So many days after [`NOW`].
fn after(days: i64) -> u64 {
    NOW.saturating_add_signed(days * DAY.cast_signed())
}

fn written(directory: &Path, pem: &str, key: &KeyPair) -> Listen {
    let (certificate, file) = (directory.join("certificate.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, pem).unwrap();
    std::fs::write(&file, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    Listen { certificate: Some(certificate), key: Some(Secret::File(file)), ..Listen::default() }
}

#[test]
fn what_a_certificate_says_of_itself_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let listen = pair(directory.path(), &["tachograph.acme.example"], (-30, 60));
    let certificate = Certificate::load(&listen).unwrap().unwrap();
    assert_eq!(certificate.valid, (after(-30), after(60)));
    let check = |days: i64, says: &str| {
        let troubles = certificate.troubles(after(days));
        let said: Vec<&str> = troubles.iter().map(Trouble::message).collect();
        assert_eq!(said.len(), usize::from(!says.is_empty()), "{days} {said:?}");
        assert!(said.iter().all(|said| said.contains(says)), "{days} {said:?}");
        assert_eq!(troubles.iter().any(|trouble| matches!(trouble, Trouble::Refused(_))), !(-30..=60).contains(&days));
    };
    check(0, "");
    check(45, "");
    check(47, "expires in 13 days and 0 hours");
    check(60, "expires in 0 days and 0 hours");
    check(61, "expired at 2027-01-27");
    check(-31, "not valid before 2026-10-29");
}

#[test]
fn a_short_life_is_renewed_late_and_the_first_end_of_a_chain_counts() {
    let directory = tempfile::tempdir().unwrap();
    let short = Certificate::load(&pair(directory.path(), &["a.example"], (-3, 3))).unwrap().unwrap();
    assert_eq!(short.troubles(NOW), []);
    assert_eq!(short.troubles(after(2)).len(), 1);
    let other = tempfile::tempdir().unwrap();
    let long = pair(other.path(), &["a.example"], (-10, 90));
    let file = long.certificate.clone().unwrap();
    let chain = [&file, &directory.path().join("certificate.pem")].map(|path| std::fs::read_to_string(path).unwrap());
    std::fs::write(&file, chain.concat()).unwrap();
    assert_eq!(Certificate::load(&long).unwrap().unwrap().valid, (after(-3), after(3)));
}

#[test]
fn what_cannot_be_used_is_named_with_its_setting() {
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let good = pair(directory.path(), &["a.example"], (-1, 90));
    let strange = pair(other.path(), &["a.example"], (-1, 90));
    let check = |listen: Listen, says: &[&str]| {
        let error = Certificate::load(&listen).unwrap_err().to_string();
        assert!(says.iter().all(|says| error.contains(says)) && !error.contains("hunter2"), "{error}");
    };
    check(Listen { key: strange.key.clone(), ..good.clone() }, &["listen.key", "is not the key of the certificate"]);
    check(Listen { key: None, ..good.clone() }, &["listen.key: there is none"]);
    check(Listen { certificate: None, ..good.clone() }, &["listen.key", "no `certificate`"]);
    check(Listen { tls: Some(Vec::new()), ..Listen::default() }, &["listen.tls"]);
    let authorities = Some(directory.path().join("gone.pem"));
    check(Listen { client_certificate_authorities: authorities.clone(), ..Listen::default() }, &["authorities"]);
    check(
        Listen { client_certificate_authorities: authorities, ..good.clone() },
        &["listen.client_certificate_authorities", "gone.pem"],
    );
    let (tls, authorities) = (Some(vec![ListenerName::Console]), good.certificate.clone());
    check(
        Listen { tls, client_certificate_authorities: authorities, ..good.clone() },
        &["authorities: intake asks nobody without TLS"],
    );
    check(Listen { certificate: Some("gone.pem".into()), ..good.clone() }, &["listen.certificate: gone.pem"]);
    let pasted = "-----BEGIN PRIVATE KEY-----\nhunter2";
    check(Listen { certificate: Some(pasted.into()), ..good.clone() }, &["names a file"]);
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").unwrap();
    check(good.clone(), &["listen.certificate", "certificate.pem"]);
    // All mistakes at once.
    std::fs::write(&key, "hunter2").unwrap();
    check(good.clone(), &["listen.certificate", "listen.key", "key.pem holds no private key"]);
    assert_eq!(troubles(&good).len(), 2);
    assert!(Certificate::load(&Listen::default()).unwrap().is_none());
}

#[test]
fn listeners_speak_tls_as_they_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let listen = pair(directory.path(), &["a.example"], (-1, 90));
    let secure = |listen: &Listen| {
        let certificate = Certificate::load(listen).unwrap().unwrap();
        ListenerName::ALL.map(|name| certificate.config(name).is_some())
    };
    assert_eq!(secure(&listen), [true, true]);
    assert_eq!(secure(&Listen { tls: Some(vec![ListenerName::Ingest]), ..listen.clone() }), [false, true]);
    // Beyond this machine a listener without TLS is worth a word.
    let open = Listen { console: "0.0.0.0:7070".parse().unwrap(), ..listen };
    let said =
        |listen: &Listen| troubles(listen).iter().map(|trouble| trouble.message().to_owned()).collect::<Vec<_>>();
    assert_eq!(said(&open), [""; 0]);
    let said = said(&Listen { tls: Some(vec![ListenerName::Ingest]), ..open });
    assert!(said.len() == 1 && said[0].contains("listen.console is 0.0.0.0:7070"), "{said:?}");
}

#[test]
fn what_clients_would_refuse_is_worth_a_look() {
    let directory = tempfile::tempdir().unwrap();
    let listen = pair(directory.path(), &["*.acme.example"], (-1, 90));
    let check = |listen: &Listen, says: &[&str]| {
        let troubles = Certificate::load(listen).unwrap().unwrap().troubles(NOW);
        let said: Vec<&str> = troubles.iter().map(Trouble::message).collect();
        assert_eq!(said.len(), says.len(), "{said:?}");
        assert!(said.iter().zip(says).all(|(said, says)| said.contains(says)), "{said:?}");
    };
    let names =
        |names: &[&str]| Listen { names: names.iter().map(|name| (*name).to_owned()).collect(), ..listen.clone() };
    check(&names(&["tachograph.acme.example"]), &[]);
    check(&names(&["tachograph.acme.example", "acme.example"]), &["not valid for acme.example"]);
    let key = directory.path().join("key.pem");
    std::fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    check(&listen, &["everybody on this machine can read the key"]);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    check(&written(directory.path(), &params.self_signed(&key).unwrap().pem(), &key), &["CA:TRUE"]);
}

#[test]
fn a_configuration_says_what_is_wrong_with_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let check = |listen: &Listen, problems: &str, warnings: &str| {
        let path = directory.path().join("tachograph.toml");
        let (certificate, key) = (listen.certificate.clone().unwrap(), listen.key.clone().unwrap());
        let text = format!("[listen]\ncertificate = {:?}\nkey = \"{key}\"\n", certificate.display().to_string());
        std::fs::write(&path, text).unwrap();
        let examined = settings::examine(&path).unwrap();
        let problem = examined.problems.iter().map(ToString::to_string).collect::<String>();
        assert!(problem.contains(problems) && problem.is_empty() == problems.is_empty(), "{problem}");
        let warning = examined.warnings.concat();
        assert!(warning.contains(warnings) && warning.is_empty() == warnings.is_empty(), "{warning}");
    };
    // By the real clock, these are long over or not over for long.
    check(&pair(directory.path(), &["a.example"], (-3_000, 36_500)), "", "");
    check(&pair(directory.path(), &["a.example"], (-19_000, -9_000)), "expired", "");
}
