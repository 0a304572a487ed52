//! HTTP to what runs on this machine.

use std::time::Duration;

/// Not to be reached by then is not to be there.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// The emulator answers late while it deploys.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Asks, and never a proxy: one that the environment names for the internet knows nothing of this machine's ports.
pub(crate) async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    client()?.get(url).send().await
}

/// Asks the HTTP API, which wants a token.
pub(crate) async fn get_with(url: &str, token: &str) -> reqwest::Result<reqwest::Response> {
    client()?.get(url).bearer_auth(token).send().await
}

/// Has the HTTP API do something, once, however often the request gets there.
pub(crate) async fn post_with(
    url: &str,
    token: &str,
    body: String,
) -> reqwest::Result<reqwest::Response> {
    let key = uuid::Uuid::new_v4().to_string();
    let request = client()?.post(url).bearer_auth(token);
    let request = request.header("idempotency-key", key).body(body);
    request.send().await
}

/// A client for many requests.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT_MAX)
        .timeout(ANSWER_MAX)
        .build()
}

/// Whether there is an answer, and a good one.
pub(crate) async fn is_well(url: &str) -> bool {
    get(url)
        .await
        .is_ok_and(|answer| answer.status().is_success())
}
