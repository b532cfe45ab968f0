//! One request from its head to the last byte of its answer, as the audit record and the metrics will tell it.
//!
//! Written when dropped, so that no way out of a request goes unrecorded: answered, refused, broken off or abandoned. It is
//! the body of a backend's answer too: what ends with the answer ends here.

mod course;

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gateway::{CallPermit, FieldRules};
use http::{HeaderValue, Method, StatusCode, Version, request::Parts};
use http_body::{Body, Frame};
use hyper::body::Incoming;

use crate::{
    body::{BodyError, Upload, filtered},
    client::{Client, Watch},
    clock,
    decision::Told,
    streams::{Cause, Mark, Seat, StreamKind},
    timers::{Attention, Deadline},
    upstream::{Lease, Waiting},
    worker::Worker,
};
pub(crate) use course::Course;
use course::{Place, grpc_status};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client went away first.
    Abandoned,
    /// The backend's answer broke off.
    BrokeOff,
    /// The answer was handed over in full.
    Complete,
    /// The client closed a stream in order.
    Left,
    /// The gateway ended it.
    Ended(Cause),
    /// Envoy forwards it: what came of it, Envoy knows.
    HandedOver,
}

/// Who or what ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    Client,
    Backend,
    Gateway(Cause),
}

impl EndedBy {
    pub(crate) const ALL: [Self; 6] = [
        Self::Client,
        Self::Backend,
        Self::Gateway(Cause::Expired),
        Self::Gateway(Cause::Revoked),
        Self::Gateway(Cause::Idle),
        Self::Gateway(Cause::Shutdown),
    ];

    /// Returns its place in [`Self::ALL`].
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Backend => 1,
            Self::Gateway(cause) => 2 + cause as usize,
        }
    }

    /// Returns the name in metrics and audit records.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Backend => "backend",
            Self::Gateway(cause) => cause.text(),
        }
    }
}

impl Ending {
    /// Returns who or what ended the answer, as a stream.
    pub(crate) fn by(self) -> EndedBy {
        match self {
            Self::Abandoned | Self::Left => EndedBy::Client,
            Self::BrokeOff | Self::Complete | Self::HandedOver => EndedBy::Backend,
            Self::Ended(cause) => EndedBy::Gateway(cause),
        }
    }
}

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    client: Rc<Client>,
    version: Version,
    /// When it was decided, and looked at last.
    mark: Mark,
    pub(crate) record: Record,
    upload: Option<Rc<Upload>>,
    download: Option<Download>,
    /// What its endpoint's circuit breaker gave leave for.
    permit: Option<CallPermit>,
    /// True until the clock is read after the head of the backend's answer: most answers are over at the same moment.
    is_just_answered: bool,
}

/// What the client gets next of an answer.
type Answered = Result<Frame<Bytes>, BodyError>;

/// A backend's answer under way.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) incoming: Incoming,
    pub(crate) fields: Arc<FieldRules>,
    pub(crate) lease: Option<Lease>,
    pub(crate) deadline: Deadline,
    pub(crate) course: Course,
    place: Place,
}

impl Download {
    pub(crate) fn new(
        answer: (Incoming, Course),
        fields: Arc<FieldRules>,
        lease: Option<Lease>,
        deadline: Deadline,
    ) -> Self {
        let (incoming, course) = answer;
        Self { incoming, fields, lease, deadline, course, place: None }
    }

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
    /// What kind of stream the answer is.
    pub(crate) stream: Option<StreamKind>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) started: SystemTime,
    /// When the backend's head came, since the start.
    pub(crate) answered: Option<Duration>,
    /// When everything was over, since the start.
    pub(crate) ended: Duration,
    /// How often it was sent to a backend, where that may be more than once.
    pub(crate) attempts: u32,
}

impl Exchange {
    pub(crate) fn begin(client: &Rc<Client>, parts: &Parts, started: SystemTime) -> Box<Self> {
        client.activity.begin();
        client.worker.metrics.open_requests.add(1);
        Box::new(Self {
            client: Rc::clone(client),
            version: parts.version,
            mark: client.worker.streams.mark(),
            record: Record {
                request_id: client.worker.ids.next(),
                method: parts.method.clone(),
                told: Told::Nothing,
                status: None,
                code: None,
                ending: Ending::Abandoned,
                stream: None,
                request_bytes: 0,
                response_bytes: 0,
                started,
                answered: None,
                ended: Duration::ZERO,
                attempts: 0,
            },
            upload: None,
            download: None,
            permit: None,
            is_just_answered: false,
        })
    }

    /// True when the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.version == Version::HTTP_2
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.client.worker
    }

    /// Takes a seat among the open streams; `None`: there are as many as there may be.
    pub(crate) fn seat(&self) -> Option<Seat> {
        self.worker().room.take(self.record.told.most_streams())
    }

    /// Holds an endpoint's leave until everything is over.
    pub(crate) fn hold(&mut self, permit: Option<CallPermit>) {
        self.permit = permit;
    }

    /// Returns who else polls it: the watch over its connection, where that is its own.
    pub(crate) fn attention(&self) -> Attention {
        if self.is_http2() {
            return Attention::None;
        }
        Attention::Every(Watch::interval(self.client.worker.settings.patience))
    }

    /// Returns how it waits for an answer.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        Waiting { upload: self.upload(), attention: self.attention() }
    }

    /// Returns when it was decided.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
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
        self.is_just_answered = true;
        if let Some(kind) = download.course.kind() {
            self.record.stream = Some(kind);
            self.client.worker.metrics.streams.opened(kind);
        }
        self.download = Some(download);
    }

    /// Records the head of an answer after which the protocol is another one.
    pub(crate) fn switched(&mut self, status: StatusCode) {
        self.record.status = Some(status);
        self.record.answered = Some(self.elapsed());
        self.record.stream = Some(StreamKind::WebSocket);
        self.client.worker.metrics.streams.opened(StreamKind::WebSocket);
    }

    /// Returns the client.
    pub(crate) fn client(&self) -> &Rc<Client> {
        &self.client
    }

    /// Records an answer of our own, as a whole.
    pub(crate) fn answered_ourselves(&mut self, status: StatusCode, code: Option<&'static str>, bytes: usize) {
        self.record.status = Some(status);
        self.record.code = code;
        self.record.response_bytes = bytes as u64;
        self.record.ending = Ending::Complete;
    }

    /// Records that Envoy may forward it.
    pub(crate) fn handed_over(&mut self) {
        self.record.ending = Ending::HandedOver;
    }

    /// Returns the body of the backend's answer.
    pub(crate) fn incoming(&self) -> Option<&Incoming> {
        self.download.as_ref().map(|download| &download.incoming)
    }

    /// Returns the next frame of the backend's answer, less the trailers that may not pass.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        let polled = self.poll_next(cx);
        if self.is_just_answered && !self.incoming().is_none_or(Incoming::is_end_stream) {
            self.is_just_answered = false;
            self.record.answered = Some(self.elapsed());
        }
        polled
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        if let Some(cause) = self.cause(cx) {
            return self.poll_end(cause, cx);
        }
        let Some(download) = &mut self.download else { return Poll::Ready(None) };
        match download.poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(self.passed(frame, Course::pass)),
            Poll::Pending => self.poll_waiting(cx),
        }
    }

    /// Says whether the answer has to end. For most answers that is the comparison of two numbers.
    fn cause(&mut self, cx: &Context<'_>) -> Option<Cause> {
        let download = self.download.as_mut()?;
        let streams = &self.client.worker.streams;
        if download.place.is_none() {
            if !streams.is_due(&mut self.mark) {
                return None;
            }
            if download.course.kind().is_none() {
                let cause = streams.cause(&self.record.told.standing(), self.mark, clock::now());
                return cause.filter(|cause| download.course.is_ended_by(*cause));
            }
        }
        self.poll_place(cx)
    }

    /// Enters the answer among the worker's streams, and says whether it has to end; `cx` is woken when it has.
    fn poll_place(&mut self, cx: &Context<'_>) -> Option<Cause> {
        let download = self.download.as_mut()?;
        let streams = &self.client.worker.streams;
        let place =
            download.place.get_or_insert_with(|| streams.open(self.record.told.standing(), self.mark, clock::now()));
        match place.poll_cause(cx) {
            Poll::Ready(cause) => Some(cause),
            Poll::Pending => None,
        }
    }

    /// Ends the answer where that can be done in order; until there, lets it pass.
    fn poll_end(&mut self, cause: Cause, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        let Some(download) = &mut self.download else { return Poll::Ready(None) };
        let is_overdue = download.place.as_ref().is_some_and(|place| self.client.worker.streams.is_overdue(place));
        if !download.course.is_between() && !is_overdue {
            let frame = ready!(download.poll_frame(cx));
            let frame = self.passed(frame, Course::cut);
            if self
                .download
                .as_ref()
                .is_some_and(|download| matches!(download.course, Course::Events(..)) && download.course.is_between())
            {
                // The frame's reader asks whether there is more to come.
                self.end(cause);
            }
            return Poll::Ready(frame);
        }
        let last = match download.course {
            Course::Declared | Course::Open => Some(Err(BodyError::Ended(cause))),
            Course::Events(..) => None,
            Course::Messages(_) => Some(Ok(Frame::trailers(grpc_status(cause)))),
        };
        self.end(cause);
        Poll::Ready(last)
    }

    /// Lets nothing more pass in either direction.
    fn end(&mut self, cause: Cause) {
        self.record.ending = Ending::Ended(cause);
        if let Some(upload) = &self.upload {
            upload.stop();
        }
        self.download = None;
    }

    /// Records a frame, and takes from it what may not pass.
    fn passed(
        &mut self,
        frame: Option<Result<Frame<Bytes>, hyper::Error>>,
        follow: fn(&mut Course, Bytes) -> Bytes,
    ) -> Option<Answered> {
        let download = self.download.as_mut()?;
        download.deadline.restart();
        match frame {
            Some(Ok(frame)) => {
                if frame.is_trailers() {
                    self.record.ending = Ending::Complete;
                }
                let frame = match download.course.kind() {
                    Some(_) => frame.map_data(|data| follow(&mut download.course, data)),
                    None => frame,
                };
                self.record.response_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
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
        }
    }

    /// Waits for the backend: as one of the worker's streams, if it is one.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        let is_new_stream =
            self.download.as_ref().is_some_and(|download| download.place.is_none() && download.course.kind().is_some());
        if is_new_stream && let Some(cause) = self.poll_place(cx) {
            return self.poll_end(cause, cx);
        }
        self.poll_patience(cx)
    }

    /// Gives up on a backend that has sent nothing for too long, unless the client is still sending to it.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        let Some(download) = &mut self.download else { return Poll::Ready(None) };
        while download.deadline.poll(cx).is_ready() {
            if self.upload.as_ref().is_some_and(|upload| upload.has_moved()) {
                download.deadline.restart();
            } else if let Some(place) = &download.place {
                place.end(&self.client.worker.streams, Cause::Idle);
                return self.poll_end(Cause::Idle, cx);
            } else {
                self.record.ending = Ending::BrokeOff;
                return Poll::Ready(Some(Err(BodyError::Stalled)));
            }
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
        if self.is_just_answered {
            self.record.answered = Some(self.record.ended);
        }
        if let Some(upload) = &self.upload {
            self.record.request_bytes = upload.bytes();
        }
        self.client.worker.record(&self.record);
    }
}
