//! A small HTTP/1.1 server for the demo's echo backend and token issuer.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The longest body that is read.
const LONGEST: usize = 1 << 20;

/// What a server answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// Serves until the runtime ends; `answering` gets requests whose body was read.
pub(super) async fn serve<F, R>(listener: TcpListener, answering: F)
where
    F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
    R: Future<Output = Answer> + Send,
{
    let answering = Arc::new(answering);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let answering = Arc::clone(&answering);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&*answering, request));
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection of the demo ended");
            }
        });
    }
}

async fn respond<F, R>(answering: &F, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible>
where
    F: Fn(Request<Bytes>) -> R,
    R: Future<Output = Answer>,
{
    let (head, body) = request.into_parts();
    let answer = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => answering(Request::from_parts(head, body.to_bytes())).await,
        Err(error) => {
            let body = format!("the body cannot be read: {error}\n");
            Answer { status: StatusCode::BAD_REQUEST, kind: "text/plain; charset=utf-8", body }
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.kind));
    Ok(response)
}
