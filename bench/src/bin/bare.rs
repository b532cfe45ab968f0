//! The bare proxy that the gateway is measured against: `bare LISTEN BACKEND`, one worker, HTTP/1.1, no log.
//!
//! What any hyper proxy has to pay: the same server, client, allocator, runtime, pool of connections and time limits as the
//! gateway, and nothing of a gateway. Every field and body is passed on as it came.

use std::{
    cell::{Cell, RefCell},
    env,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self as client, SendRequest},
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    time::{Instant, sleep, timeout},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LARGEST_HEAD: usize = 64 * 1024;
const MOST_IDLE: usize = 128;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections are looked at this often …
const LOOK: Duration = Duration::from_secs(5);
/// … and closed when nothing has happened between so many looks: a late head, a late answer, an idle client.
const MOST_LOOKS: u32 = 12;

/// The connections to the backend that are at rest.
struct Pool {
    backend: SocketAddr,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

/// A backend's answer; gives the connection back when it has ended.
struct Lent {
    incoming: Incoming,
    sender: Option<SendRequest<Incoming>>,
    pool: Rc<Pool>,
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut address = || arguments.next().context("usage: bare LISTEN BACKEND")?.parse().context("not an address");
    let (listen, backend): (SocketAddr, SocketAddr) = (address()?, address()?);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(accept(listen, Rc::new(Pool { backend, idle: RefCell::default() })))
}

async fn accept(listen: SocketAddr, pool: Rc<Pool>) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(serve(stream, Rc::clone(&pool)));
    }
}

/// Serves one client until it ends or nothing happens for too long.
async fn serve(stream: TcpStream, pool: Rc<Pool>) {
    let steps = Rc::new(Cell::new(0_u64));
    let counted = Rc::clone(&steps);
    let service = service_fn(move |request| {
        let (pool, steps) = (Rc::clone(&pool), Rc::clone(&counted));
        steps.set(steps.get() + 1);
        forward(pool, request)
    });
    let mut http = server::Builder::new();
    http.max_header_size(LARGEST_HEAD).max_buf_size(LARGEST_HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut look = pin!(sleep(LOOK));
    let (mut is_first, mut seen, mut still) = (true, 0, 0);
    poll_fn(|cx| {
        if is_first || look.is_elapsed() {
            is_first = false;
            while look.as_mut().poll(cx).is_ready() {
                look.as_mut().reset(Instant::now() + LOOK);
                still = if seen == steps.get() { still + 1 } else { 0 };
                seen = steps.get();
            }
        }
        if still > MOST_LOOKS { Poll::Ready(()) } else { connection.as_mut().poll(cx).map(|_| ()) }
    })
    .await;
}

async fn forward(pool: Rc<Pool>, request: Request<Incoming>) -> Result<Response<Lent>> {
    let mut sender = match pool.take() {
        Some(sender) => sender,
        None => pool.connect().await?,
    };
    let response = sender.send_request(request).await?;
    Ok(response.map(|incoming| Lent { incoming, sender: Some(sender), pool }))
}

impl Pool {
    fn take(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle.borrow_mut();
        std::iter::from_fn(|| idle.pop()).find(SendRequest::is_ready)
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>> {
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.backend)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = client::handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.borrow_mut();
        let has_room = idle.len() < MOST_IDLE;
        idle.extend(self.sender.take().filter(|sender| has_room && sender.is_ready()));
    }
}
