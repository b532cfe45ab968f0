//! A request that asks its backend to switch to another protocol: over a connection of its own, in HTTP/1.1.
//!
//! Only the head is sent; what the client sends next has to wait for the backend's word (RFC 9110 §7.8).

use std::{rc::Rc, sync::Arc};

use gateway::{Endpoint, RequestHead};
use http::{Request, Response};
use hyper::body::Incoming;

use super::{UpstreamError, connect, shape};
use crate::{body::RequestBody, worker::Worker};

/// Sends the head, and returns the head of the answer: `101`, or any other.
///
/// # Errors
///
/// [`UpstreamError`]; the connection is then closed.
pub(crate) async fn switch(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    head: Box<RequestHead>,
) -> Result<Response<Incoming>, UpstreamError> {
    let mut sender = connect::connect_to_switch(worker, endpoint).await?;
    let mut request = Request::from_parts(head.parts, RequestBody::EMPTY);
    shape::http1(&mut request, endpoint);
    let answer = tokio::time::timeout(endpoint.response_timeout, sender.send_request(request)).await;
    answer.map_err(|_| UpstreamError::ResponseTimeout)?.map_err(UpstreamError::Protocol)
}
