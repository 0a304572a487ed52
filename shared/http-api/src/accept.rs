//! In which form a client wants its answer.
//!
//! Whoever wants nothing that there is gets the first form, and no `406`: an answer in JSON does less harm than none.
//! <https://www.rfc-editor.org/rfc/rfc9110#name-accept>

use crate::Request;

impl Request {
    /// The one of these media types that the header `Accept` likes best, or the first. Of those that it likes alike, the
    /// earlier goes before.
    #[must_use]
    pub fn preferred<'a>(&self, offered: &[&'a str]) -> &'a str {
        let accept = self.header("accept").unwrap_or("*/*");
        let mut best = (0, offered[0]);
        for media in offered {
            let weight = weight(accept, media);
            if weight > best.0 {
                best = (weight, media);
            }
        }
        best.1
    }
}

/// How much a media type is wanted, in thousandths: what the most exact range says that it is in.
fn weight(accept: &str, media: &str) -> u32 {
    let (kind, _) = media.split_once('/').unwrap_or((media, ""));
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let range = parts.next()?.to_ascii_lowercase();
        let exactness = match range.split_once('/')? {
            _ if range == media => 3,
            (of, "*") if of == kind => 2,
            ("*", "*") => 1,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        Some((exactness, thousandths(quality.unwrap_or("1"))))
    });
    ranges
        .max_by_key(|(exactness, _)| *exactness)
        .map_or(0, |(_, weight)| weight)
}

/// A number from 0 to 1 with up to three digits behind the point; 0 for what is none.
fn thousandths(quality: &str) -> u32 {
    let (whole, rest) = quality.split_once('.').unwrap_or((quality, ""));
    let rest: String = rest.chars().chain("000".chars()).take(3).collect();
    let number = whole.parse::<u32>().ok().zip(rest.parse::<u32>().ok());
    number.map_or(0, |(whole, rest)| {
        whole.saturating_mul(1_000).saturating_add(rest).min(1_000)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn preferred(accept: &str) -> &'static str {
        let request = json!({ "routeKey": "GET /x", "headers": { "Accept": accept } });
        let request: Request = serde_json::from_value(request).expect("a request");
        request.preferred(&["application/json", "text/vnd.mermaid", "image/svg+xml"])
    }

    #[test]
    fn what_a_client_likes_best_is_what_it_gets() {
        let of_images = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
        let of_pages = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let cases = [
            ("*/*", "application/json"),
            ("", "application/json"),
            ("application/pdf", "application/json"),
            ("nonsense;;q=,,/", "application/json"),
            ("text/*", "text/vnd.mermaid"),
            ("IMAGE/SVG+XML", "image/svg+xml"),
            (of_images, "image/svg+xml"),
            (of_pages, "application/json"),
            (
                "application/json;q=0.2, text/vnd.mermaid; q=0.25",
                "text/vnd.mermaid",
            ),
            ("image/svg+xml;q=0, */*;q=0.1", "application/json"),
            ("application/json;q=0, */*", "text/vnd.mermaid"),
        ];
        for (accept, media) in cases {
            assert_eq!(preferred(accept), media, "{accept}");
        }
    }
}
