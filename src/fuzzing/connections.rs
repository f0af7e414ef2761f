use serde_json::Value;

use crate::ipvs::connections::parse_connection;
use crate::model::Connection;
use crate::render::connections::{write_row, write_titles};
use crate::render::endpoints::EndpointWriter;
use crate::render::json::Document;
use crate::render::table::connections::ConnectionTable;
use crate::screen::Screen;

/// A connection file, up to the first line of another shape, through every printer: each shows every
/// connection, what is drawn for a terminal has straight lines and moves no cursor, and the document
/// for programs is one.
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
                };
                draw(&connections, screen, numeric, with_engine_data);
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
    for connection in connections {
        table.measure(connection);
    }
    table.begin(&mut out);
    table.write(&mut out, connections);
    table.end(&mut out);
    let text = String::from_utf8(out).unwrap_or_else(|fault| panic!("{fault}"));
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
