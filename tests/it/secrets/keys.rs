//! The keys that secrets are encrypted with: turned over without a gap, and missed by name.

use semantest::app::Roles;
use semantest::config::secret::Secret;
use semantest::config::secrets::{RootKey, SecretSettings};
use semantest::config::value_keys::ValueKeys;
use semantest::model::id::{AddonId, ClientId, UserId};
use semantest::model::secret_value::SecretValue;
use semantest::store::Store;
use semantest::store::secret_scope::SecretScope;
use semantest::store::secrets::SecretStore;
use semantest::store::secrets::envelope::{EnvelopeError, Envelopes};

use crate::support::app::TestApp;
use crate::support::platform::Platform;
use crate::support::program::Program;
use crate::support::redis::TestRedis;
use crate::support::until;

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn secrets(store: &Store, keys: &str) -> SecretStore {
    let settings = SecretSettings { value_keys: Some(Secret::new(keys)), ..SecretSettings::default() };
    let keys = ValueKeys::of(&settings, &RootKey::from_bytes([7; 32])).expect("keys");
    SecretStore::new(store.clone(), Envelopes::new(keys))
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec()).expect("a value")
}

fn scopes() -> [SecretScope; 3] {
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    SecretScope::of(&client, &user, &AddonId::parse("acme.art").expect("an addon"))
}

/// What the first of the scopes that has it has under a name.
async fn read(secrets: &SecretStore, name: &str) -> Result<Option<SecretValue>, EnvelopeError> {
    secrets.sealed(&scopes(), &[name].into()).await.expect("rows").open(name)
}

#[tokio::test]
async fn a_new_key_takes_over_while_the_old_one_still_opens() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let [_, client, publisher] = scopes();
    let (old, both, new) = (secrets(&store, OLD), secrets(&store, &format!("{NEW} {OLD}")), secrets(&store, NEW));
    assert!(old.put(&client, "one", &value("first")).await.expect("it is kept"));
    assert!(old.put(&publisher, "two", &value("second")).await.expect("it is kept"));
    assert_eq!(read(&both, "one").await, Ok(Some(value("first"))));
    let in_use = old.keys_in_use().await.expect("keys");
    assert_eq!(in_use.len(), 1);
    let used = &in_use[0];
    assert_eq!((used.scopes, used.is_known, used.is_newest), (2, true, true));
    assert_eq!(read(&new, "one").await, Err(EnvelopeError::KeyMissing(used.key.clone())));
    // A process that does not have the old key leaves everything as it is.
    assert_eq!(new.rewrap(100).await.expect("a sweep"), 0);
    assert_eq!(both.rewrap(1).await.expect("a sweep"), 1);
    assert_eq!(both.keys_in_use().await.expect("keys").len(), 2);
    assert_eq!(both.rewrap(100).await.expect("a sweep"), 1);
    assert_eq!(both.rewrap(100).await.expect("a sweep"), 0, "there is an end to it");
    let left = new.keys_in_use().await.expect("keys");
    assert_eq!(left.iter().map(|used| (used.scopes, used.is_newest)).collect::<Vec<_>>(), [(2, true)]);
    assert_eq!(
        (read(&new, "one").await, read(&new, "two").await),
        (Ok(Some(value("first"))), Ok(Some(value("second"))))
    );
    assert!(new.remove(&client, "one").await.expect("it is removed"));
    assert!(new.remove(&publisher, "two").await.expect("it is removed"));
    assert!(new.keys_in_use().await.expect("keys").is_empty(), "no key is kept for nothing");
}

#[tokio::test]
async fn a_row_that_is_copied_to_another_place_does_not_open_there() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let [_, client, publisher] = scopes();
    let secrets = secrets(&store, OLD);
    secrets.put(&publisher, "key", &value("the publisher's own")).await.expect("it is kept");
    let key = |scope: &SecretScope| format!("{}:secrets:{scope}", redis.settings().prefix);
    redis.command(&["COPY", &key(&publisher), &key(&client)]).await;
    assert_eq!(read(&secrets, "key").await, Err(EnvelopeError::Damaged), "the client's scope wins, and holds a copy");
}

#[tokio::test]
async fn a_users_value_is_kept_only_beside_an_enablement() {
    let redis = TestRedis::start();
    let [user, ..] = scopes();
    let secrets = secrets(&redis.store().await, OLD);
    assert!(!secrets.put(&user, "key", &value("nobody's")).await.expect("an answer"));
    assert!(secrets.names(&user).await.expect("names").is_empty());
    assert!(secrets.keys_in_use().await.expect("keys").is_empty());
}

#[tokio::test]
async fn without_a_key_that_is_needed_a_role_does_not_start_and_says_what_to_do() {
    let redis = TestRedis::start();
    let [_, client, _] = scopes();
    secrets(&redis.store().await, OLD).put(&client, "key", &value("the value")).await.expect("it is kept");
    let folder = tempfile::tempdir().expect("a folder");
    let variables = |keys: &str| {
        [
            ("SEMANTEST_REDIS_URL", redis.settings().url.clone()),
            ("SEMANTEST_REDIS__PREFIX", redis.settings().prefix.clone()),
            ("SEMANTEST_MASTER_KEY", "07".repeat(32)),
            ("SEMANTEST_VALUE_KEYS", keys.to_owned()),
            ("SEMANTEST_STORAGE__DATA_DIR", folder.path().display().to_string()),
            ("SEMANTEST_SERVER__LISTEN", String::from("127.0.0.1:0")),
            ("SEMANTEST_SERVER__OPS_LISTEN", String::from("127.0.0.1:0")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    };
    let run = |words: &[&str], keys: &str| {
        let output = Program::run(words, &variables(keys));
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    let (is_started, said) = run(&["api"], NEW);
    assert!(
        !is_started && said.contains("SEMANTEST_VALUE_KEYS") && said.contains("semantest secrets forget"),
        "{said}"
    );
    assert!(!said.contains(NEW) && !said.contains("the value"), "{said}");
    let (is_fine, said) = run(&["secrets", "keys"], NEW);
    assert!(is_fine && said.contains(r#""use":"missing""#), "{said}");
    let id = said.split('"').nth(3).expect("a key's id").to_owned();
    let (is_fine, said) = run(&["secrets", "keys"], &format!("{NEW},{OLD}"));
    assert!(is_fine && said.contains(r#""use":"decrypts""#), "{said}");
    let (is_fine, said) = run(&["secrets", "forget", &id], OLD);
    assert!(!is_fine && said.contains("nothing is lost"), "{said}");
    let (is_fine, said) = run(&["secrets", "forget", &id], NEW);
    assert!(is_fine && said.contains("removed 1 secrets"), "{said}");
    let api = Program::start(&["api"], &variables(NEW));
    api.running().await;
}

#[tokio::test]
async fn upkeep_moves_secrets_to_the_newest_key() {
    let platform = Platform::start().await;
    // The platform has the key that is derived from its master key alone.
    let keys = ValueKeys::of(&SecretSettings::default(), platform.app.root()).expect("keys");
    let derived = SecretStore::new(platform.app.redis.store().await, Envelopes::new(keys));
    let [_, client, _] = scopes();
    derived.put(&client, "key", &value("the value")).await.expect("it is kept");
    let remains = platform.end().await;
    let set = |config: &mut semantest::config::Config| config.secrets.value_keys = Some(Secret::new(OLD));
    let app = TestApp::start_on(remains, Roles::all(), set).await;
    let newest = secrets(&app.redis.store().await, OLD);
    until("the secret is moved", async || {
        app.services.addons.look_after_secrets(100).await.expect("a look");
        newest.keys_in_use().await.expect("keys").iter().all(|used| used.is_newest)
    })
    .await;
    assert_eq!(read(&newest, "key").await, Ok(Some(value("the value"))));
    app.stop().await;
}
