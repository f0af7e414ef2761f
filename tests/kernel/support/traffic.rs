//! Clients: what they ask, and who answers. The servers are those of `labkit/guest/server.pl`,
//! which answer with the name of their host.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};

use crate::support::cluster::Host;

/// No answer within this time is no answer. Servers and clients are in one machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's side of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    Tcp,
    /// SCTP, with one stream.
    Sctp,
}

/// Returns the servers that answer `count` HTTP requests, one after the other.
pub fn http(client: &Host, address: &str, count: usize) -> Vec<String> {
    let address: SocketAddr = address.parse().expect("an address and a port");
    client.enter(move || {
        (0..count)
            .map(|_| get(address).unwrap_or_else(|error| panic!("{address}: {error}")))
            .collect()
    })
}

/// Returns true if an HTTP request is answered.
pub fn is_answered(client: &Host, address: &str) -> bool {
    let address: SocketAddr = address.parse().expect("an address and a port");
    client.enter(move || get(address).is_ok_and(|answer| !answer.is_empty()))
}

fn get(address: SocketAddr) -> io::Result<String> {
    let mut stream = dial(Transport::Tcp, None, address)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().last().unwrap_or_default().to_owned())
}

/// Returns the servers that greet `count` connections, each closed before the next.
pub fn greetings(client: &Host, address: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| Conversation::open(client, address).server)
        .collect()
}

/// Returns the server that greets a connection from this address, or why there is none.
pub fn greeting_from(client: &Host, source: &str, address: &str) -> io::Result<String> {
    let source: IpAddr = source.parse().expect("an address");
    Conversation::try_open(client, Transport::Tcp, Some(source), address)
        .map(|conversation| conversation.server)
}

/// Returns the server that greets a connection from each of these addresses, or why there is none.
/// All are opened at once: one that is refused often takes a second, for in the lab the refusal
/// comes while its SYN is still being sent.
pub fn greetings_from(
    client: &Host,
    sources: Vec<IpAddr>,
    address: &str,
) -> Vec<io::Result<String>> {
    let address: SocketAddr = address.parse().expect("an address and a port");
    client.enter(move || {
        let greet = |source| {
            let stream = dial(Transport::Tcp, Some(source), address)?;
            read_line(&mut BufReader::new(stream))
        };
        thread::scope(|scope| {
            let sources = sources.into_iter();
            let dialled: Vec<_> = sources
                .map(|source| scope.spawn(move || greet(source)))
                .collect();
            let dialled = dialled.into_iter();
            dialled
                .map(|greeted| greeted.join().expect("a greeting or a reason"))
                .collect()
        })
    })
}

/// Asserts that nobody takes a connection, and at once.
pub fn refused(client: &Host, address: &str) {
    match Conversation::try_open(client, Transport::Tcp, None, address) {
        Ok(conversation) => panic!("{address} is answered by {}", conversation.server),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{address}"),
    }
}

/// A connection that stays open, to a server that answers every line.
pub struct Conversation {
    /// The server that took it.
    pub server: String,
    stream: BufReader<TcpStream>,
}

impl Conversation {
    /// Begins one, over TCP.
    pub fn open(client: &Host, address: &str) -> Self {
        Self::open_over(Transport::Tcp, client, address)
    }

    /// Begins one.
    pub fn open_over(transport: Transport, client: &Host, address: &str) -> Self {
        Self::try_open(client, transport, None, address)
            .unwrap_or_else(|error| panic!("{transport:?} to {address}: {error}"))
    }

    /// Begins one from an address, or says why there is none.
    pub fn try_open(
        client: &Host,
        transport: Transport,
        source: Option<IpAddr>,
        address: &str,
    ) -> io::Result<Self> {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let stream = client.enter(move || dial(transport, source, address))?;
        let mut stream = BufReader::new(stream);
        let server = read_line(&mut stream)?;
        Ok(Self { server, stream })
    }

    /// Its address and port at the client, as connections are listed.
    pub fn client_address(&self) -> String {
        self.stream
            .get_ref()
            .local_addr()
            .expect("an open connection")
            .to_string()
    }

    /// Ends it at once, without a farewell.
    pub fn reset(self) {
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(self.stream.get_ref(), sockopt::Linger, &at_once).expect("an open connection");
    }

    /// Says something; the answer must come from the server that took the connection.
    pub fn goes_on(&mut self) {
        self.stream
            .get_mut()
            .write_all(b"still there?\n")
            .expect("an open connection");
        let answer = read_line(&mut self.stream)
            .unwrap_or_else(|error| panic!("{} does not answer any more: {error}", self.server));
        assert_eq!(answer, self.server);
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

/// Returns the servers that answer `count` datagrams from one port. Any sender will do:
/// a server that listens at all its addresses answers from its own, not from the virtual one.
pub fn datagrams(client: &Host, address: &str, count: usize) -> Vec<String> {
    let address: SocketAddr = address.parse().expect("an address and a port");
    client.enter(move || {
        let any = match address {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(any).expect("a port");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        (0..count)
            .map(|_| {
                let mut answer = [0; 64];
                socket.send_to(b"who?", address).expect("it can be sent");
                let length = socket
                    .recv(&mut answer)
                    .unwrap_or_else(|error| panic!("{address}: {error}"));
                String::from_utf8_lossy(&answer[..length])
                    .trim_end()
                    .to_owned()
            })
            .collect()
    })
}

/// Connects, from an address of one's choice. What comes back reads and writes as a TCP stream
/// does, whatever it is below.
fn dial(
    transport: Transport,
    source: Option<IpAddr>,
    address: SocketAddr,
) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = match transport {
        Transport::Tcp => socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?,
        Transport::Sctp => sctp_socket(family)?,
    };
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    // For the connection too, which is made by the first write's clock.
    stream.set_write_timeout(Some(PATIENCE))?;
    if let Some(source) = source {
        bind(
            stream.as_raw_fd(),
            &SockaddrStorage::from(SocketAddr::new(source, 0)),
        )?;
    }
    connect(stream.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(stream)
}

/// Opens a socket of SCTP, for which nix has no name.
fn sctp_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    // SAFETY: socket takes three numbers.
    let socket = unsafe {
        libc::socket(
            family as i32,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
            libc::IPPROTO_SCTP,
        )
    };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Returns the number of answers from each server.
pub fn shares(answers: &[String]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for answer in answers {
        *shares.entry(answer.as_str()).or_default() += 1;
    }
    shares
}

/// Asserts that rs1 and rs2 took turns. Which of them was first is the kernel's business.
pub fn assert_turns(answers: &[String]) {
    let second = if answers[0] == "rs1" { "rs2" } else { "rs1" };
    let first = if second == "rs1" { "rs2" } else { "rs1" };
    let expected: Vec<&str> = [first, second]
        .into_iter()
        .cycle()
        .take(answers.len())
        .collect();
    assert_eq!(answers, expected);
}

/// Asserts that all came from this server.
pub fn assert_all(answers: &[String], server: &str) {
    assert!(
        answers.iter().all(|answer| answer == server),
        "not all from {server}: {answers:?}"
    );
}
