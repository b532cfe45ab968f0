//! Copies of calls for mirrors (`RequestMirror`): sent beside the call, and nothing that comes of one reaches the client.
//!
//! A body is collected while it passes to the backend, up to a limit; the copy goes out when the body is complete, so a
//! mirror never sees a part of a call. What is too large, or too much at once, is left out and counted.

use std::{cell::Cell, future::poll_fn, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gateway::{Elsewhere, Endpoint, FieldRules, RequestHead};
use http::request::Parts;
use http_body::{Body, Frame};

use crate::{
    body::RequestBody,
    upstream::{self, Answer, Waiting},
    worker::Worker,
};

/// The largest body that is copied.
const LARGEST_BODY: usize = 256 * 1024;
/// How much of a mirror's answer is read, so that its connection can be used again.
const LARGEST_ANSWER: usize = 64 * 1024;
/// Copies that one worker has under way.
const MOST_AT_ONCE: usize = 64;
/// How long a copy may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The copies of one call, not sent yet.
#[derive(Debug)]
pub(crate) struct Copies {
    worker: Rc<Worker>,
    heads: Vec<(Arc<Endpoint>, Box<RequestHead>)>,
}

/// Collects the body of a call for its copies.
#[derive(Debug)]
pub(crate) struct Collector {
    copies: Option<Copies>,
    collected: BytesMut,
}

/// One more copy under way, until it is dropped.
struct UnderWay(Rc<Worker>);

impl Copies {
    /// Makes the heads of a call's copies; `None`: it has no mirrors.
    pub(crate) fn of(
        worker: &Rc<Worker>,
        elsewhere: &Elsewhere,
        head: &RequestHead,
        fields: &FieldRules,
    ) -> Option<Self> {
        let copy = |mirror: &Arc<Endpoint>| {
            let parts: Parts = elsewhere.mirrored(&head.parts, fields, mirror)?;
            let (connection, request_id) = (Arc::clone(&head.connection), head.request_id.clone());
            Some((Arc::clone(mirror), Box::new(RequestHead { parts, connection, request_id })))
        };
        let heads: Vec<_> = elsewhere.mirrors().iter().filter_map(copy).collect();
        (!heads.is_empty()).then(|| Self { worker: Rc::clone(worker), heads })
    }

    /// Sends them, with this body.
    pub(crate) fn send(self, body: &Bytes) {
        let Self { worker, heads } = self;
        for (mirror, head) in heads {
            let Some(under_way) = UnderWay::begin(&worker) else {
                worker.metrics.mirrored("too_many");
                continue;
            };
            let body = if body.is_empty() { RequestBody::EMPTY } else { RequestBody::whole(body.clone()) };
            tokio::task::spawn_local(async move {
                let worker = &under_way.0;
                let sent = tokio::time::timeout(PATIENCE, deliver(worker, &mirror, (head, body))).await;
                worker.metrics.mirrored(if sent.is_ok_and(|is_answered| is_answered) { "answered" } else { "failed" });
            });
        }
    }
}

/// Sends one copy, and reads the answer away. True: there was one.
async fn deliver(worker: &Rc<Worker>, mirror: &Arc<Endpoint>, request: (Box<RequestHead>, RequestBody)) -> bool {
    let answer = match Box::pin(upstream::send(worker, mirror, request, Waiting::ALONE)).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(host = %mirror.host, port = mirror.port, %error, "no answer from a mirror");
            return false;
        }
    };
    read_away(worker, answer).await;
    true
}

/// Reads a short answer to its end, so that the connection lives on.
async fn read_away(worker: &Worker, answer: Answer) {
    let Answer { response, mut lease } = answer;
    let mut incoming = response.into_body();
    let mut left = LARGEST_ANSWER;
    loop {
        let frame = poll_fn(|cx| match &mut lease {
            Some(lease) => lease.poll(cx, |cx| Pin::new(&mut incoming).poll_frame(cx)),
            None => Pin::new(&mut incoming).poll_frame(cx),
        });
        match frame.await {
            Some(Ok(frame)) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return,
            },
            Some(Err(_)) => return,
            None => break,
        }
    }
    if let Some(lease) = lease {
        lease.give_back(worker);
    }
}

impl Collector {
    /// Collects for these copies.
    pub(crate) fn new(copies: Copies) -> Self {
        Self { copies: Some(copies), collected: BytesMut::new() }
    }

    /// Looks at a frame that passes; `is_last`: none comes behind it.
    pub(crate) fn pass(&mut self, frame: Option<&Frame<Bytes>>, is_last: bool) {
        if let Some(data) = frame.and_then(Frame::data_ref) {
            self.add(data);
        }
        if is_last && let Some(copies) = self.copies.take() {
            copies.send(&std::mem::take(&mut self.collected).freeze());
        }
    }

    fn add(&mut self, data: &Bytes) {
        if self.copies.is_none() {
            return;
        }
        if self.collected.len() + data.len() <= LARGEST_BODY {
            self.collected.extend_from_slice(data);
        } else {
            self.give_up("too_large");
        }
    }

    fn give_up(&mut self, outcome: &'static str) {
        if let Some(copies) = self.copies.take() {
            copies.heads.iter().for_each(|_| copies.worker.metrics.mirrored(outcome));
        }
        self.collected = BytesMut::new();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.give_up("incomplete");
    }
}

impl UnderWay {
    fn begin(worker: &Rc<Worker>) -> Option<Self> {
        let under_way: &Cell<usize> = &worker.copies_under_way;
        if under_way.get() >= MOST_AT_ONCE {
            return None;
        }
        under_way.set(under_way.get() + 1);
        Some(Self(Rc::clone(worker)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let under_way = &self.0.copies_under_way;
        under_way.set(under_way.get().saturating_sub(1));
    }
}
