//! The target `netlink`: whatever the kernel answers is read without a panic, and printed.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;

use nix::errno::Errno;
use serde_json::Value;

use crate::error::KernelError;
use crate::ipvs::Detail;
use crate::ipvs::attributes::{Attributes, Writer};
use crate::ipvs::replies;
use crate::ipvs::requests::write_change;
use crate::ipvs::socket::{Socket, Wire};
use crate::model::{AddressFamily, Change, DestinationState, KernelInfo, ServiceState};
use crate::order::ServiceEntry;
use crate::render::endpoints::EndpointWriter;
use crate::render::json::Document;
use crate::render::table::services::ServiceTable;
use crate::render::{listing, order};
use crate::request::{Columns, ListFormat};
use crate::screen::Screen;

/// Sends datagrams that the kernel answers with, each behind its length in 16 bits, through the
/// socket and every reader. What was read of a service, a daemon and the timeouts is the same once
/// it is written and read again; and every printer prints what was read.
pub fn netlink(bytes: &[u8]) {
    let mut all = Everything::default();
    let mut items = Vec::new();
    let read = |attributes: Attributes<'_>| {
        all.read(attributes);
        Ok(())
    };
    // Whether the reply is whole or a fault is the datagrams' affair.
    let _ = Socket::over(Script::new(bytes)).dump(FAMILY, COMMAND, |_| {}, &mut items, read);
    let family = Socket::over(Script::new(bytes));
    let _ = { family }.query(FAMILY, COMMAND, |_| {}, replies::read_family_id);
    let info = Socket::over(Script::new(bytes)).query(FAMILY, COMMAND, |_| {}, replies::read_info);
    let _ = Socket::over(Script::new(bytes)).send_batch(&[], 1, LAST_OF_BATCH, |index, _| {
        assert!(index < LAST_OF_BATCH as usize);
    });
    all.print(info.unwrap_or(KernelInfo {
        version: 0,
        connection_table_size: 0,
    }));
}

const FAMILY: u16 = 20;
const COMMAND: u8 = 1;
const LAST_OF_BATCH: u32 = 8;

/// The most services and destinations that are printed.
const MOST_PRINTED: usize = 8;

/// Lengths that stand for something other than a datagram.
const IS_INTERRUPTED: u16 = u16::MAX;
const IS_OVERRUN: u16 = u16::MAX - 1;
const IS_CUT: u16 = u16::MAX - 2;

/// Gives one datagram after another, whatever is asked.
struct Script<'a> {
    rest: Cell<&'a [u8]>,
}

impl<'a> Script<'a> {
    fn new(bytes: &'a [u8]) -> Script<'a> {
        Script {
            rest: Cell::new(bytes),
        }
    }
}

impl Wire for Script<'_> {
    fn send(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((length, rest)) = self.rest.get().split_first_chunk() else {
            return Err(Errno::EAGAIN.into());
        };
        let length = u16::from_le_bytes(*length);
        let (datagram, rest) = match length {
            IS_INTERRUPTED | IS_OVERRUN | IS_CUT => (&[][..], rest),
            _ => rest.split_at(rest.len().min(usize::from(length))),
        };
        self.rest.set(rest);
        match length {
            IS_INTERRUPTED => return Err(Errno::EINTR.into()),
            IS_OVERRUN => return Err(Errno::ENOBUFS.into()),
            IS_CUT => return Ok(buffer.len() + 1),
            _ => {}
        }
        let copied = datagram.len().min(buffer.len());
        buffer[..copied].copy_from_slice(&datagram[..copied]);
        Ok(datagram.len())
    }
}

/// All that messages could be read as.
#[derive(Default)]
struct Everything {
    services: Vec<ServiceState>,
    destinations: Vec<DestinationState>,
}

impl Everything {
    fn read(&mut self, attributes: Attributes<'_>) {
        let detail = Detail::WithStatistics;
        for detail in [Detail::WithoutStatistics, detail] {
            if let Ok(state) = replies::read_service(attributes, detail) {
                let change = Change::AddService(state.service);
                let again = read_again(&change, |attributes| {
                    replies::read_service(attributes, detail).map(|state| state.service)
                });
                assert_eq!(again, Ok(state.service));
            }
        }
        self.services
            .extend(replies::read_service(attributes, detail));
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let read = |detail| replies::read_destination(attributes, family, detail);
            let _ = read(Detail::WithoutStatistics);
            self.destinations.extend(read(detail));
        }
        if let Ok(daemon) = replies::read_sync_daemon(attributes) {
            let change = Change::StartDaemon(daemon);
            assert_eq!(read_again(&change, replies::read_sync_daemon), Ok(daemon));
        }
        if let Ok(timeouts) = replies::read_timeouts(attributes) {
            let change = Change::SetTimeouts(timeouts);
            assert_eq!(read_again(&change, replies::read_timeouts), Ok(timeouts));
        }
        let _ = replies::read_info(attributes);
        let _ = replies::read_family_id(attributes);
    }

    fn print(mut self, info: KernelInfo) {
        self.services.truncate(MOST_PRINTED);
        self.destinations.truncate(MOST_PRINTED);
        order::sort_services(&mut self.services, |state| &state.service.identity);
        order::sort_destinations(&mut self.destinations);
        for columns in [
            Columns::Connections,
            Columns::Statistics,
            Columns::Rate,
            Columns::Thresholds,
            Columns::PersistentConnections,
            Columns::TunnelInfo,
        ] {
            for (numeric, exact) in [(false, false), (true, true)] {
                let format = ListFormat {
                    columns,
                    numeric,
                    exact,
                };
                self.print_plainly(&info, &format);
                self.draw(&info, format);
            }
        }
        self.write_document(&info);
    }

    fn print_plainly(&self, info: &KernelInfo, format: &ListFormat) {
        let mut out = Vec::new();
        let mut endpoints = EndpointWriter::for_listing(format.numeric);
        listing::write_version(&mut out, info);
        listing::write_titles(&mut out, format.columns);
        for service in &self.services {
            let destinations = &self.destinations;
            listing::write_entry(&mut out, format, &mut endpoints, service, destinations);
        }
    }

    fn draw(&self, info: &KernelInfo, format: ListFormat) {
        let screen = Screen {
            width: 80,
            has_colours: false,
            has_unicode: true,
            has_fine_marks: true,
        };
        let servers = || self.destinations.clone();
        let with_servers = |service: &ServiceState| (*service, servers());
        let entries: Vec<ServiceEntry> = self.services.iter().map(with_servers).collect();
        let mut out = Vec::new();
        let mut table = ServiceTable::new(screen, format, None, None, &entries);
        for (service, destinations) in &entries {
            table.measure(service, destinations);
        }
        table.begin(&mut out, Some(info));
        for (service, destinations) in &entries {
            table.write(&mut out, service, destinations);
        }
        table.end(&mut out);
        let text = String::from_utf8(out).unwrap_or_else(|fault| panic!("{fault}"));
        assert!(
            text.lines().all(|line| !line.contains(char::is_control)),
            "{text}"
        );
    }

    fn write_document(&self, info: &KernelInfo) {
        let mut out = Vec::new();
        let mut document = Document::of_services(&mut out, info, None);
        for service in &self.services {
            document.service(&mut out, service, &self.destinations);
        }
        document.end(&mut out);
        let document: Value =
            serde_json::from_slice(&out).unwrap_or_else(|fault| panic!("{fault}"));
        let listed = document["services"].as_array().map(Vec::len);
        assert_eq!(listed, Some(self.services.len()));
    }
}

fn read_again<T>(
    change: &Change,
    read: impl Fn(Attributes<'_>) -> Result<T, KernelError>,
) -> Result<T, KernelError> {
    let mut buffer = Vec::new();
    write_change(&mut Writer::new(&mut buffer), change);
    read(Attributes::new(&buffer))
}
