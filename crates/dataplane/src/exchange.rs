//! One request from its head to the last byte of its answer, as the audit record and the metrics will tell it.
//!
//! Written when dropped, so that no way out of a request goes unrecorded: answered, refused, broken off or abandoned. It is
//! the body of a backend's answer too: what ends with the answer ends here.

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gateway::FieldRules;
use http::{HeaderValue, Method, StatusCode, Version, request::Parts};
use http_body::{Body, Frame};
use hyper::body::Incoming;

use crate::{
    body::{BodyError, Upload, filtered},
    client::Client,
    clock,
    decision::Told,
    timers::Deadline,
    upstream::Lease,
    worker::Worker,
};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client went away first.
    Abandoned,
    /// The backend's answer broke off.
    BrokeOff,
    /// The answer was handed over in full.
    Complete,
}

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    client: Rc<Client>,
    version: Version,
    pub(crate) record: Record,
    upload: Option<Rc<Upload>>,
    download: Option<Download>,
}

/// A backend's answer under way.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) incoming: Incoming,
    pub(crate) fields: Arc<FieldRules>,
    pub(crate) lease: Option<Lease>,
    pub(crate) deadline: Deadline,
}

impl Download {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let incoming = &mut self.incoming;
        match &mut self.lease {
            Some(lease) => lease.poll(cx, |cx| Pin::new(&mut *incoming).poll_frame(cx)),
            None => Pin::new(incoming).poll_frame(cx),
        }
    }
}

/// What is recorded of a request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) request_id: HeaderValue,
    pub(crate) method: Method,
    pub(crate) told: Told,
    /// `None`: no answer was begun.
    pub(crate) status: Option<StatusCode>,
    /// The stable code of a refusal.
    pub(crate) code: Option<&'static str>,
    pub(crate) ending: Ending,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) started: SystemTime,
    /// When the backend's head came, since the start.
    pub(crate) answered: Option<Duration>,
    /// When everything was over, since the start.
    pub(crate) ended: Duration,
}

impl Exchange {
    pub(crate) fn begin(client: &Rc<Client>, parts: &Parts, started: SystemTime) -> Box<Self> {
        client.activity.begin();
        client.worker.metrics.open_requests.add(1);
        Box::new(Self {
            client: Rc::clone(client),
            version: parts.version,
            record: Record {
                request_id: client.worker.ids.next(),
                method: parts.method.clone(),
                told: Told::Nothing,
                status: None,
                code: None,
                ending: Ending::Abandoned,
                request_bytes: 0,
                response_bytes: 0,
                started,
                answered: None,
                ended: Duration::ZERO,
            },
            upload: None,
            download: None,
        })
    }

    /// True when the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.version == Version::HTTP_2
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.client.worker
    }

    pub(crate) fn uploads(&mut self, upload: &Rc<Upload>) {
        self.upload = Some(Rc::clone(upload));
    }

    pub(crate) fn upload(&self) -> Option<&Upload> {
        self.upload.as_deref()
    }

    /// Records the head of the backend's answer, whose body then passes through here.
    pub(crate) fn answered(&mut self, status: StatusCode, download: Download) {
        self.record.status = Some(status);
        self.record.answered = Some(self.elapsed());
        self.download = Some(download);
    }

    /// Records an answer of our own, as a whole.
    pub(crate) fn answered_ourselves(&mut self, status: StatusCode, code: Option<&'static str>, bytes: usize) {
        self.record.status = Some(status);
        self.record.code = code;
        self.record.response_bytes = bytes as u64;
        self.record.ending = Ending::Complete;
    }

    /// Returns the body of the backend's answer.
    pub(crate) fn incoming(&self) -> Option<&Incoming> {
        self.download.as_ref().map(|download| &download.incoming)
    }

    /// Returns the next frame of the backend's answer, less the trailers that may not pass.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(download) = &mut self.download else { return Poll::Ready(None) };
        let Poll::Ready(frame) = download.poll_frame(cx) else { return self.poll_patience(cx) };
        download.deadline.restart();
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                self.record.response_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                if frame.is_trailers() {
                    self.record.ending = Ending::Complete;
                }
                filtered(frame, |name| download.fields.admits_response(name)).map(Ok)
            }
            Some(Err(error)) => {
                self.record.ending = Ending::BrokeOff;
                Some(Err(BodyError::Backend(error)))
            }
            None => {
                self.record.ending = Ending::Complete;
                None
            }
        })
    }

    /// Gives up on a backend that has sent nothing for too long, unless the client is still sending to it.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(download) = &mut self.download else { return Poll::Ready(None) };
        while download.deadline.poll(cx).is_ready() {
            if !self.upload.as_ref().is_some_and(|upload| upload.has_moved()) {
                self.record.ending = Ending::BrokeOff;
                return Poll::Ready(Some(Err(BodyError::Stalled)));
            }
            download.deadline.restart();
        }
        Poll::Pending
    }

    fn elapsed(&self) -> Duration {
        clock::now().duration_since(self.record.started).unwrap_or_default()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(Download { incoming, lease, .. }) = self.download.take() {
            if incoming.is_end_stream() {
                self.record.ending = Ending::Complete;
            }
            if let Some(lease) = lease
                && self.record.ending == Ending::Complete
            {
                lease.give_back(&self.client.worker);
            }
        }
        self.client.activity.end();
        self.record.ended = self.elapsed();
        self.record.request_bytes = self.upload.as_ref().map_or(0, |upload| upload.bytes());
        self.client.worker.record(&self.record);
    }
}
