//! The target `connections`: whatever the kernel's files of connections hold, every format shows
//! it.

#![forbid(unsafe_code)]

use serde_json::Value;

use crate::ipvs::connections::parse_connection;
use crate::model::{Connection, KernelName, Origin};
use crate::render::connections::{write_row, write_titles};
use crate::render::counts::{self, Count, Counted};
use crate::render::endpoints::EndpointWriter;
use crate::render::json::{self, Document};
use crate::render::table;
use crate::render::table::connections::ConnectionTable;
use crate::screen::Screen;
use crate::selection::CountKey;

/// Sends a connection file, up to the first line of another shape, through every printer, and what
/// is counted of it: each shows every connection, what is drawn for a terminal has straight lines
/// and moves no cursor, and the document for programs is one.
///
/// The screen is as wide as the file's first byte says; the kernel's is the P of the titles, 80.
pub fn connections(bytes: &[u8]) {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    if lines.next().is_none() {
        return;
    }
    let connections: Vec<_> = lines.map_while(parse_connection).collect();
    for with_engine_data in [false, true] {
        for numeric in [false, true] {
            print_plainly(&connections, numeric, with_engine_data);
            for has_unicode in [false, true] {
                let screen = Screen {
                    width: usize::from(bytes[0]),
                    has_colours: false,
                    has_unicode,
                    has_fine_marks: has_unicode,
                };
                draw(&connections, screen, numeric, with_engine_data);
                count(&connections, screen, numeric);
            }
        }
    }
    write_document(&connections);
}

fn print_plainly(connections: &[Connection<'_>], numeric: bool, with_engine_data: bool) {
    let mut out = Vec::new();
    let mut endpoints = EndpointWriter::for_listing(numeric);
    write_titles(&mut out, with_engine_data);
    for connection in connections {
        write_row(&mut out, &mut endpoints, connection, with_engine_data);
    }
    let rows = out.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(rows, 2 + connections.len());
}

fn draw(connections: &[Connection<'_>], screen: Screen, numeric: bool, with_engine_data: bool) {
    let mut out = Vec::new();
    let mut table = ConnectionTable::new(screen, numeric, with_engine_data);
    table.count(connections.len());
    for connection in connections {
        table.measure(connection);
    }
    table.begin(&mut out);
    table.write(&mut out, connections);
    table.end(&mut out);
    hold_to_straight_lines(out);
}

/// Counts connections, in every format. Their seconds stand for how many there are, which makes
/// numbers of any size.
fn count(connections: &[Connection<'_>], screen: Screen, numeric: bool) {
    let counts = connections.iter().flat_map(|connection| {
        let (address, port) = connection.service;
        let protocol = KernelName::truncated(connection.protocol);
        let (server, server_port) = connection.destination;
        let counted = [
            Counted::Client(connection.client.0),
            Counted::Server(server, server_port),
            Counted::Service(protocol, address, port),
            Counted::State(KernelName::truncated(connection.state)),
            Counted::Origin(connection.origin.unwrap_or(Origin::Local)),
        ];
        let connections = connection.seconds.min(1 << 50);
        counted.map(|counted| Count {
            counted,
            connections,
        })
    });
    let counts: Vec<Count> = counts.collect();
    let mut out = Vec::new();
    let mut endpoints = EndpointWriter::for_listing(numeric);
    for count in &counts {
        counts::write_row(&mut out, &mut endpoints, count);
    }
    let rows = out.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(rows, counts.len());

    let mut out = Vec::new();
    table::counts::write(&mut out, screen, numeric, CountKey::Client, &counts);
    hold_to_straight_lines(out);

    let mut out = Vec::new();
    json::write_counts(&mut out, "client", &counts);
    let document: Value = serde_json::from_slice(&out).unwrap_or_else(|fault| panic!("{fault}"));
    let total: u64 = counts.iter().map(|count| count.connections).sum();
    assert_eq!(document["total"].as_u64(), Some(total));
}

fn hold_to_straight_lines(drawn: Vec<u8>) {
    let text = String::from_utf8(drawn).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(
        text.lines().all(|line| !line.contains(char::is_control)),
        "{text}"
    );
    let widths = text.lines().skip(1).map(|line| line.chars().count());
    assert_eq!(widths.clone().min(), widths.max(), "{text}");
}

fn write_document(connections: &[Connection<'_>]) {
    let mut out = Vec::new();
    let mut document = Document::of_connections(&mut out);
    for connection in connections {
        document.connection(&mut out, connection);
    }
    document.end(&mut out);
    let document: Value = serde_json::from_slice(&out).unwrap_or_else(|fault| panic!("{fault}"));
    let listed = document["connections"].as_array().map(Vec::len);
    assert_eq!(listed, Some(connections.len()));
}
