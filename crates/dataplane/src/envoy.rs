//! Envoy asks, and forwards the call itself: `envoy.service.auth.v3.Authorization` over gRPC (`ext_authz`).
//!
//! A thin shell around the decision, as `proxy.rs` is: a question becomes a head, a decision an answer. What cannot be
//! answered is an error to Envoy, which refuses the call then (`failure_mode_allow: false`, its default).

mod answer;
mod question;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    time::SystemTime,
};

use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use gateway::{ClientHead, HeadChanges, Rejection, RequestHead};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::{
    Status,
    server::{Grpc, UnaryService},
};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};
use tonic_prost::ProstCodec;

use crate::{
    body::ResponseBody,
    client::{Asker, Client},
    clock,
    decision::{Told, WorkerDecisions},
    exchange::Exchange,
};
use answer::Verdict;

const SERVICE: &str = "envoy.service.auth.v3.Authorization";
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The gRPC health protocol, by which Envoys and Kubernetes ask whether to ask.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// The longest question. Envoy sends a head, and a body only if it is told to: nothing here looks at one.
const LONGEST: usize = 1024 * 1024;

/// Answers one gRPC request.
///
/// # Errors
///
/// None: every failure has an answer.
pub(crate) async fn answer(
    client: Rc<Client>,
    asker: Asker,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let response = match request.uri().path() {
        CHECK => {
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(LONGEST);
            grpc.unary(Check(client, asker), request).await
        }
        HEALTH => {
            let codec = ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default();
            Grpc::new(codec).unary(Health(client), request).await
        }
        _ => Status::unimplemented("only calls are checked here, and health").into_http(),
    };
    Ok(response.map(|body: tonic::body::Body| ResponseBody::Grpc(Box::new(body))))
}

/// The method `Check` of `Authorization`.
struct Check(Rc<Client>, Asker);

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>>>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let (client, asker) = (Rc::clone(&self.0), self.1);
        Box::pin(async move { Ok(tonic::Response::new(check(&client, asker, request.into_inner()).await)) })
    }
}

/// The method `Check` of `Health`.
struct Health(Rc<Client>);

impl UnaryService<HealthCheckRequest> for Health {
    type Response = HealthCheckResponse;
    type Future = Ready<Result<tonic::Response<HealthCheckResponse>, Status>>;

    fn call(&mut self, request: tonic::Request<HealthCheckRequest>) -> Self::Future {
        let service = request.into_inner().service;
        if !service.is_empty() && service != SERVICE {
            return ready(Err(Status::not_found("no such service")));
        }
        let is_stopping = self.0.worker.is_draining();
        let status = if is_stopping { ServingStatus::NotServing } else { ServingStatus::Serving };
        ready(Ok(tonic::Response::new(HealthCheckResponse { status: status.into() })))
    }
}

/// Answers one question, and records it.
async fn check(client: &Rc<Client>, asker: Asker, question: CheckRequest) -> CheckResponse {
    let now = clock::now();
    let mut exchange = Exchange::begin(client, &question::unknown(), now);
    let decided = match question::head(question, &client.connection, asker) {
        Ok(head) => decide(&mut exchange, head, now).await,
        Err(rejection) => {
            exchange.record.told = client.worker.decisions.undecided();
            Err(rejection)
        }
    };
    match decided.and_then(|changes| answer::allow(&changes)) {
        Ok(mut allowed) => {
            if let Some((name, nonce)) = exchange.record.told.proof_nonce(&client.worker.decisions) {
                answer::add_to_answer(&mut allowed, &name, &nonce);
            }
            exchange.handed_over();
            answer::response(Verdict::Allowed(allowed), &exchange)
        }
        Err(rejection) => {
            let denied = answer::deny(&rejection, &exchange.record.request_id);
            exchange.answered_ourselves(rejection.code.status(), Some(rejection.code.text()), denied.body.len());
            answer::response(Verdict::Denied(denied), &exchange)
        }
    }
}

async fn decide(
    exchange: &mut Exchange,
    mut head: Box<RequestHead>,
    now: SystemTime,
) -> Result<HeadChanges, Rejection> {
    exchange.record.method = head.parts.method.clone();
    if let Some(request_id) = question::request_id(&head.parts.headers) {
        exchange.record.request_id = request_id;
    }
    head.request_id = exchange.record.request_id.clone();
    let client = ClientHead::of(&head);
    let worker = Rc::clone(exchange.worker());
    let outcome = match &worker.decisions {
        WorkerDecisions::Gateway(gateway) => {
            let held = gateway.held();
            let decision = held.snapshot().decide(gateway.runtime(), head, now).await;
            exchange.record.told = Told::Gateway(held, decision.record);
            decision.outcome
        }
        WorkerDecisions::Functions(functions) => {
            let decision = functions.decide(head, now).await;
            exchange.record.told = Told::Facts(Box::new(decision.facts));
            decision.outcome
        }
    };
    HeadChanges::between(&client, &outcome?)
}
