//! Connections: few, short, and each with a deadline for everything that it may keep waiting.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    io,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header::{self, HeaderValue},
    http::uri::Authority,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::spawn_local,
    time::{Instant, Sleep, sleep, timeout},
};

use crate::{
    exposition::Format,
    station::{Answer, Station, What},
};

/// Connections that a socket serves at a time. When there are more, the one goes that has asked nothing for longest;
/// where all are being answered, others wait until one of them ends.
pub const MOST_CONNECTIONS: usize = 16;

/// How long the header of a request may take, from the end of the one before on.
const HEADER: Duration = Duration::from_secs(5);
/// How long a reader may take nothing of an answer.
const STALL: Duration = Duration::from_secs(5);
/// How long a connection is used for further requests.
const AGE: Duration = Duration::from_secs(60);
/// How long the last answer of a connection may take in all.
const LAST: Duration = Duration::from_secs(60);
/// Bytes of a header, and header lines.
const MOST_HEADER: usize = 16 << 10;
const MOST_LINES: usize = 64;
/// How long not to accept where the system has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);
/// How long connections may take to end when the server does.
const GOODBYE: Duration = Duration::from_secs(1);

/// When the next snapshot is due, in an answer with snapshots: milliseconds from now.
pub const NEXT: &str = "zc-next-milliseconds";

/// A socket that connections come from.
#[derive(Debug)]
pub enum Socket {
    /// Of the network, or of its loopback.
    Tcp(TcpListener),
    /// Of this machine: who may open it decides who may ask for what costs more.
    Unix(UnixListener),
}

/// Who can be at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Programs that may open the unix socket.
    Unix,
    /// Programs on this machine, and with these the pages that a browser shows.
    Loopback,
    /// Any machine that can connect.
    Network,
}

/// Serves one station on any number of sockets.
pub struct Server {
    station: Rc<RefCell<Station>>,
    end: watch::Sender<bool>,
    permits: Vec<Arc<Semaphore>>,
}

/// A connection, as those that want its place see it.
#[derive(Debug)]
struct Seat {
    /// Whether an answer is on its way; else it is waited for a request.
    answers: Cell<bool>,
    /// Since when nothing has been asked, or it was opened.
    since: Cell<Instant>,
    /// Has it leave.
    leave: Notify,
}

impl Seat {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            answers: Cell::new(false),
            since: Cell::new(Instant::now()),
            leave: Notify::new(),
        })
    }
}

/// The connections of a socket.
type Seats = Rc<RefCell<Vec<Rc<Seat>>>>;

/// How long a connection may take to ask something while others wait for its place.
const GRACE: Duration = Duration::from_millis(100);

/// Has the connection leave that has asked nothing for longest, if there is one that had the time to.
fn make_room(seats: &Seats) {
    let seats = seats.borrow();
    let idle =
        seats.iter().filter(|seat| !seat.answers.get() && seat.since.get().elapsed() > GRACE);
    if let Some(seat) = idle.min_by_key(|seat| seat.since.get()) {
        // Not again, while it is leaving.
        seat.answers.set(true);
        seat.leave.notify_one();
    }
}

impl Server {
    /// A server that listens nowhere yet.
    #[must_use]
    pub fn new(station: Rc<RefCell<Station>>) -> Self {
        Self { station, end: watch::Sender::new(false), permits: Vec::new() }
    }

    /// Serves the connections of a socket, in tasks of the current [`tokio::task::LocalSet`].
    pub fn serve(&mut self, socket: Socket) {
        let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        self.permits.push(Arc::clone(&permits));
        let accepting = Accepting {
            station: Rc::clone(&self.station),
            end: self.end.subscribe(),
            permits,
            seats: Seats::default(),
        };
        spawn_local(accepting.run(socket));
    }

    /// Ends all connections, after the answers under way if these do not take long.
    pub async fn end(self) {
        self.end.send_replace(true);
        let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = timeout(GOODBYE, async {
            for permits in &self.permits {
                let _ = permits.acquire_many(all).await;
            }
        })
        .await;
    }
}

/// Accepts the connections of one socket.
struct Accepting {
    station: Rc<RefCell<Station>>,
    end: watch::Receiver<bool>,
    permits: Arc<Semaphore>,
    seats: Seats,
}

impl Accepting {
    async fn run(self, socket: Socket) {
        let mut end = self.end.clone();
        let accept = async {
            loop {
                let (stream, from) = match accepted(&socket).await {
                    Ok(accepted) => accepted,
                    Err(_) => {
                        sleep(PAUSE).await;
                        continue;
                    }
                };
                // One waits here, and others in the queue of the kernel.
                let Some(permit) = self.permit().await else { return };
                match stream {
                    Stream::Tcp(stream) => self.connect(stream, permit, from),
                    Stream::Unix(stream) => self.connect(stream, permit, from),
                }
            }
        };
        tokio::select! {
            () = accept => {}
            _ = end.wait_for(|end| *end) => {}
        }
    }

    /// A place for a connection, as soon as there is one.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let mut permit = pin!(Arc::clone(&self.permits).acquire_owned());
        loop {
            tokio::select! {
                biased;
                permit = permit.as_mut() => return permit.ok(),
                () = sleep(GRACE / 2) => make_room(&self.seats),
            }
        }
    }

    fn connect<S>(&self, stream: S, permit: OwnedSemaphorePermit, from: Origin)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (station, end) = (Rc::clone(&self.station), self.end.clone());
        let seats = Rc::clone(&self.seats);
        let seat = Seat::new();
        seats.borrow_mut().push(Rc::clone(&seat));
        spawn_local(async move {
            converse(stream, station, end, from, &seat).await;
            seats.borrow_mut().retain(|other| !Rc::ptr_eq(other, &seat));
            drop(permit);
        });
    }
}

/// A connection that was accepted.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn accepted(socket: &Socket) -> io::Result<(Stream, Origin)> {
    Ok(match socket {
        Socket::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            let own = stream.local_addr().map(|own| own.ip().to_canonical());
            let is_loopback = own.is_ok_and(|own| own.is_loopback());
            let from = if is_loopback { Origin::Loopback } else { Origin::Network };
            (Stream::Tcp(stream), from)
        }
        Socket::Unix(listener) => (Stream::Unix(listener.accept().await?.0), Origin::Unix),
    })
}

/// Answers the requests of one connection.
async fn converse<S>(
    stream: S,
    station: Rc<RefCell<Station>>,
    mut end: watch::Receiver<bool>,
    from: Origin,
    seat: &Rc<Seat>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        seat.answers.set(true);
        let response = respond(&request, &station, from, seat);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER)
            .max_buf_size(MOST_HEADER)
            .max_headers(MOST_LINES)
            .serve_connection(TokioIo::new(Patient::new(stream)), service)
    );
    tokio::select! {
        // What the other end does wrong is its own business.
        _ = connection.as_mut() => return,
        // It has asked nothing, and gets no answer.
        () = seat.leave.notified() => return,
        () = sleep(AGE) => {}
        _ = end.wait_for(|end| *end) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST, connection).await;
}

/// The answer to one request. What it has for a body is not read.
fn respond<B>(
    request: &Request<B>,
    station: &RefCell<Station>,
    from: Origin,
    seat: &Rc<Seat>,
) -> Response<Pieces> {
    answered(request, station, from).map(|pieces| pieces.of(seat))
}

fn answered<B>(request: &Request<B>, station: &RefCell<Station>, from: Origin) -> Response<Pieces> {
    let what = match asked(request, from) {
        Ok(what) => what,
        Err(refusal) => return refusal.response(),
    };
    let mut station = station.borrow_mut();
    let answer = station.answer(what);
    let mut response = response(answer);
    if what == What::Snapshots {
        let next = station.next_in().as_millis().to_string();
        if let Ok(next) = HeaderValue::from_str(&next) {
            response.headers_mut().insert(NEXT, next);
        }
    }
    response
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// There is nothing of that name.
    Unknown,
    /// It is there, and not for this method.
    Method(&'static str),
    /// It is for those who may open the unix socket.
    Remote,
    /// It asks for another machine.
    Name,
}

impl Refusal {
    fn response(self) -> Response<Pieces> {
        let (status, text) = match self {
            Self::Unknown => (404, "not found; see /\n"),
            Self::Method(_) => (405, "method not allowed\n"),
            Self::Remote => {
                (403, "only on the unix socket: start zc serve with --listen unix:PATH\n")
            }
            Self::Name => {
                (403, "on loopback the Host must be localhost or an address; see docs/serving.md\n")
            }
        };
        let mut response = response(Answer {
            status,
            content_type: "text/plain; charset=utf-8",
            body: vec![Bytes::from_static(text.as_bytes())],
        });
        if let Self::Method(allowed) = self {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

/// Whether a request names this machine, or an address. A page from elsewhere can have its own name lead a browser to
/// this machine, and would read here what it may not.
fn is_of_this_machine<B>(request: &Request<B>) -> bool {
    let named = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(named) = named.or_else(|| request.uri().authority().map(Authority::as_str)) else {
        // Version 1.0, which no browser speaks.
        return true;
    };
    let Ok(authority) = named.parse::<Authority>() else { return false };
    let host = authority.host();
    let is_address = |host: &str| host.parse::<IpAddr>().is_ok();
    host.eq_ignore_ascii_case("localhost")
        || is_address(host.trim_start_matches('[').trim_end_matches(']'))
}

fn asked<B>(request: &Request<B>, from: Origin) -> Result<What, Refusal> {
    if from == Origin::Loopback && !is_of_this_machine(request) {
        return Err(Refusal::Name);
    }
    let what = match request.uri().path() {
        "/" => What::Landing,
        "/metrics" => {
            let accept = request.headers().get_all(header::ACCEPT).into_iter();
            let accept: Vec<_> = accept.filter_map(|value| value.to_str().ok()).collect();
            What::Metrics(Format::accepted(&accept.join(",")))
        }
        "/snapshot.json" => What::Json,
        "/snapshot.zc" => What::Snapshots,
        "/-/healthy" => What::Healthy,
        "/-/ready" => What::Ready,
        "/dump" if request.method() != Method::POST => return Err(Refusal::Method("POST")),
        "/dump" if from != Origin::Unix => return Err(Refusal::Remote),
        "/dump" => return Ok(What::Dump),
        _ => return Err(Refusal::Unknown),
    };
    if [Method::GET, Method::HEAD].contains(request.method()) {
        Ok(what)
    } else {
        Err(Refusal::Method("GET, HEAD"))
    }
}

fn response(answer: Answer) -> Response<Pieces> {
    let Answer { status, content_type, body } = answer;
    let mut response = Response::new(Pieces::new(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For the page for people: it loads nothing, and no other page shows it.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A body whose pieces are there already.
struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    left: u64,
    /// Whose answer it is.
    seat: Option<Rc<Seat>>,
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // The answer is on its way: from now on a request is waited for.
        if let Some(seat) = &self.seat {
            seat.answers.set(false);
            seat.since.set(Instant::now());
        }
    }
}

impl Pieces {
    fn new(pieces: Vec<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into_iter(), left, seat: None }
    }

    fn of(mut self, seat: &Rc<Seat>) -> Self {
        self.seat = Some(Rc::clone(seat));
        self
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A stream that fails when the other end takes nothing for a while.
struct Patient<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    const fn new(stream: S) -> Self {
        Self { stream, stalled: None }
    }

    fn watch<T>(
        &mut self,
        task: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + STALL)));
        ready!(stalled.as_mut().poll(task));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(task, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(task, bytes);
        self.watch(task, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(task, slices);
        self.watch(task, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(task);
        self.watch(task, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(task);
        self.watch(task, outcome)
    }
}

#[cfg(test)]
mod tests;
