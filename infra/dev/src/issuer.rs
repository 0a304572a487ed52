//! The issuer of tokens for local stacks: `cargo dev token`.
//!
//! A pair of RSA keys in `.local`, whose public part lies in a bucket of the emulator, in the form of OpenID discovery.
//! The API's authoriser fetches it from there as it would from an identity provider, so that the same check of issuer,
//! audience, times and signature runs here and on AWS.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::args::Token;
use crate::bucket;
use crate::cloud::Cloud;
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;

/// What the template's parameter `JwtAudience` is by default.
const AUDIENCE: &str = "event-router";
const BUCKET: &str = "event-router-issuer";
const KEYS: &str = "keys.json";

/// Deletes what was published.
pub(crate) async fn remove(cloud: &Cloud) -> Result<()> {
    bucket::remove(cloud, BUCKET).await
}

/// For whom a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A customer.
    Customer(String),
    /// An operator.
    Operator,
}

/// `cargo dev token`
pub(crate) async fn run(project: &Project, options: &Token) -> Result<ExitCode> {
    let running = Running::find(project).await?;
    let issuer = Issuer::of(project, &running.cloud.endpoint)?;
    let caller = options
        .customer
        .clone()
        .map_or(Caller::Operator, Caller::Customer);
    say!("{}", issuer.token(&caller, i64::from(options.minutes) * 60));
    Ok(ExitCode::SUCCESS)
}

/// Who signs.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    key: KeyPair,
    key_id: String,
}

impl Issuer {
    /// The checkout's issuer, as an emulator at this endpoint knows it. Its keys are made when they are first needed.
    ///
    /// # Errors
    /// When the key cannot be read or written.
    pub(crate) fn of(project: &Project, endpoint: &str) -> Result<Self> {
        let path = project.local().join("issuer-key");
        if !path.exists() {
            make_key(&path)?;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let key = KeyPair::from_pkcs8(&bytes).map_err(|_| {
            anyhow!(
                "{} is damaged: delete it and run `cargo dev up`",
                path.display()
            )
        })?;
        let digest = Sha256::digest(key.public_key().as_ref());
        Ok(Self {
            url: format!("{endpoint}/{BUCKET}"),
            key,
            key_id: BASE64_URL_SAFE_NO_PAD.encode(digest),
        })
    }

    /// What tokens name as their issuer.
    #[must_use]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Puts the public key where authorisers look for it.
    pub(crate) async fn publish(&self, cloud: &Cloud) -> Result<()> {
        bucket::make(cloud, BUCKET).await?;
        bucket::open(cloud, BUCKET).await?;
        let configuration =
            json!({ "issuer": self.url, "jwks_uri": format!("{}/{KEYS}", self.url) });
        let public = self.key.public_key();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let keys = json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }] });
        for (key, document) in [
            (".well-known/openid-configuration", configuration),
            (KEYS, keys),
        ] {
            let put = cloud
                .s3()
                .put_object()
                .bucket(BUCKET)
                .key(key)
                .content_type("application/json");
            let put = put.body(ByteStream::from(document.to_string().into_bytes()));
            put.send()
                .await
                .context("cannot publish the issuer's keys")?;
        }
        Ok(())
    }

    /// A token that is valid for so many seconds from now, or was until so many seconds ago.
    ///
    /// # Panics
    /// If the key cannot sign, which no key that was read is like.
    #[must_use]
    pub(crate) fn token(&self, caller: &Caller, seconds: i64) -> String {
        let (subject, scope) = match caller {
            Caller::Customer(id) => (id.as_str(), "customer"),
            Caller::Operator => ("operator", "operator"),
        };
        self.signed(&self.claims(subject, scope, seconds))
    }

    /// A customer's token, with other claims in the place of its own.
    pub(crate) fn token_with(&self, others: &Value) -> String {
        let mut claims = self.claims("cust-1", "customer", 600);
        for (name, value) in others.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        self.signed(&claims)
    }

    fn claims(&self, subject: &str, scope: &str, seconds: i64) -> Value {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        // Some clocks are behind.
        let issued = now.min(now + seconds) - 60;
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": subject, "scope": scope,
            "iat": issued, "nbf": issued, "exp": now + seconds,
        })
    }

    fn signed(&self, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .key
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.expect("the signature has the length of the modulus");
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Makes a key, unless another process is there first.
fn make_key(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let key = KeyPair::generate(KeySize::Rsa2048).context("cannot make a pair of keys")?;
    let der: Pkcs8V1Der<'_> = key.as_der().context("cannot make a pair of keys")?;
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&partial)?;
        std::io::Write::write_all(&mut file, der.as_ref())?;
        // Unlike a renaming, it never takes the place of a key that is there.
        let linked = fs::hard_link(&partial, path);
        fs::remove_file(&partial)?;
        linked
    };
    match write() {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot write {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_says_who_and_how_long_and_is_signed_with_the_key_that_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/issuer-key");
        make_key(&path).expect("made");
        let first = fs::read(&path).expect("a key");
        make_key(&path).expect("there already");
        assert_eq!(fs::read(&path).expect("a key"), first, "never replaced");
        let issuer = Issuer {
            url: "http://localhost:1/issuer".to_owned(),
            key: KeyPair::from_pkcs8(&first).expect("a key"),
            key_id: "k".to_owned(),
        };
        let token = issuer.token(&Caller::Customer("cust-1".to_owned()), 60);
        let (text, signature) = token.rsplit_once('.').expect("three parts");
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, issuer.key.public_key());
        public
            .verify(text.as_bytes(), &decode(signature))
            .expect("signed");
        let claims: Value =
            serde_json::from_slice(&decode(text.split_once('.').expect("two").1)).expect("JSON");
        assert_eq!(
            (&claims["sub"], &claims["aud"]),
            (&json!("cust-1"), &json!("event-router"))
        );
        let lifetime =
            claims["exp"].as_i64().expect("a time") - claims["iat"].as_i64().expect("a time");
        assert_eq!(lifetime, 120);
    }
}
