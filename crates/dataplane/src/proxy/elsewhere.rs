//! Calls that may go elsewhere: to another endpoint when one fails, and as copies to mirrors.

use std::rc::Rc;

use gateway::{Elsewhere, Forward};
use http::Response;

use super::answered;
use crate::{
    body::{RequestBody, ResponseBody},
    exchange::Exchange,
    mirror::Copies,
    upstream::{self, Sent},
};

/// Sends a call, and gives the client the answer.
pub(super) async fn answer(
    mut exchange: Box<Exchange>,
    (forward, elsewhere): (Forward, Box<Elsewhere>),
    mut body: RequestBody,
) -> Response<ResponseBody> {
    let Forward { endpoint, head, fields, .. } = forward;
    let worker = Rc::clone(exchange.worker());
    if let Some(copies) = Copies::of(&worker, &elsewhere, &head, &fields) {
        body.copy_to(copies);
    }
    let sending = upstream::send_resiliently(&worker, endpoint, &elsewhere, (head, body), exchange.waiting());
    let Sent { answer, endpoint, attempts, permit } = sending.await;
    exchange.record.attempts = attempts;
    exchange.hold(permit);
    answered(exchange, answer, &endpoint, fields)
}
