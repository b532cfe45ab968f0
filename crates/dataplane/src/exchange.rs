//! One request from its head to the last byte of its answer, as the audit record and the metrics will tell it.
//!
//! Written when dropped, so that no way out of a request goes unrecorded: answered, refused, broken off or abandoned.

use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Method, StatusCode, Version, request::Parts};

use crate::{body::Upload, client::Client, clock, decision::Facts, worker::Worker};

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
}

/// What is recorded of a request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) request_id: HeaderValue,
    pub(crate) method: Method,
    pub(crate) facts: Facts,
    /// `None`: no answer was begun.
    pub(crate) status: Option<StatusCode>,
    /// The stable code of a refusal.
    pub(crate) code: Option<&'static str>,
    pub(crate) ending: Ending,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) started: SystemTime,
    /// When the decision was made, since the start.
    pub(crate) decided: Option<Duration>,
    /// When the backend's head came, since the start.
    pub(crate) answered: Option<Duration>,
    /// When everything was over, since the start.
    pub(crate) ended: Duration,
}

impl Exchange {
    pub(crate) fn begin(client: &Rc<Client>, parts: &Parts, started: SystemTime) -> Self {
        client.activity.begin();
        client.worker.metrics.open_requests.add(1);
        let record = Record {
            request_id: client.worker.ids.next(),
            method: parts.method.clone(),
            facts: Facts::default(),
            status: None,
            code: None,
            ending: Ending::Abandoned,
            request_bytes: 0,
            response_bytes: 0,
            started,
            decided: None,
            answered: None,
            ended: Duration::ZERO,
        };
        Self { client: Rc::clone(client), version: parts.version, record, upload: None }
    }

    /// True when the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.version == Version::HTTP_2
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.client.worker
    }

    pub(crate) fn decided(&mut self, facts: Facts) {
        self.record.facts = facts;
        self.record.decided = Some(self.elapsed());
    }

    pub(crate) fn uploads(&mut self, upload: &Rc<Upload>) {
        self.upload = Some(Rc::clone(upload));
    }

    pub(crate) fn upload(&self) -> Option<&Upload> {
        self.upload.as_deref()
    }

    /// Records the backend's answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.record.status = Some(status);
        self.record.answered = Some(self.elapsed());
    }

    pub(crate) fn answered_bytes(&mut self, bytes: usize) {
        self.record.response_bytes += bytes as u64;
    }

    /// Records an answer of our own, as a whole.
    pub(crate) fn answered_ourselves(&mut self, status: StatusCode, code: Option<&'static str>, bytes: usize) {
        self.record.status = Some(status);
        self.record.code = code;
        self.record.response_bytes = bytes as u64;
        self.record.ending = Ending::Complete;
    }

    pub(crate) fn broke_off(&mut self) {
        self.record.ending = Ending::BrokeOff;
    }

    pub(crate) fn complete(&mut self) {
        self.record.ending = Ending::Complete;
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.record.ending == Ending::Complete
    }

    fn elapsed(&self) -> Duration {
        clock::now().duration_since(self.record.started).unwrap_or_default()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.client.activity.end();
        self.record.ended = self.elapsed();
        self.record.request_bytes = self.upload.as_ref().map_or(0, |upload| upload.bytes());
        self.client.worker.record(&self.record);
    }
}
