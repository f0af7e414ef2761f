//! The clusters that administrators build with ipvsadm, with real clients and real servers.
//!
//! Each test builds a cluster of its own from network namespaces (`labkit/cluster.sh`, the same
//! that the demos play in), gives the director its table with our program, and looks at which
//! server answers. How the program words its output is the business of `parity`; here it is what
//! the kernel does with what the program sends it, and, in a few places, that a table with life in
//! it is listed as the reference lists it.

mod beside_keepalived;
mod draining;
mod forwarding;
mod ipv6;
mod lasting;
mod persistence;
mod protocols;
mod ramping;
mod reloading;
mod scheduling;
mod the_document;
mod two_directors;
