//! Answers to calls of operations with policies beside the Backend JWT.

use gateway::{AnsweredBy, Treated};
use http::Response;

use crate::body::ResponseBody;

/// Gives an answer what the operation's policies say of it; mostly they say nothing.
pub(super) fn complete(mut response: Response<ResponseBody>, treated: Option<Box<Treated>>) -> Response<ResponseBody> {
    if let Some(treated) = treated {
        let answered_by = match response.body() {
            ResponseBody::Backend(_) => AnsweredBy::Backend,
            ResponseBody::Whole(_) | ResponseBody::Grpc(_) => AnsweredBy::Gateway,
        };
        treated.complete(response.headers_mut(), answered_by);
    }
    response
}
