//! Requests and answers of an API Gateway HTTP API (payload format 2.0): who asks, what for, and problem
//! details.
//!
//! Format: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>;
//! problems: RFC 9457; tags and preconditions: RFC 9110; `Idempotency-Key`:
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

mod accept;
mod caller;
mod cursor;
mod data;
mod request;
mod response;
mod sent;
mod token;

pub use caller::{Caller, OPERATOR};
pub use cursor::Cursor;
pub use data::data_of;
pub use request::Request;
pub use response::{Broken, Response};
pub use sent::{Sent, natural_id};
pub use token::{AFTER_MAX, Token, WAIT_SECONDS_MAX, look_until};
