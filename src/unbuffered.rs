//! The standard streams as the kernel has them.
//!
//! The standard library's own streams take one that is closed, or open for the other direction, for
//! an empty input and for an output that succeeds. Here that is the fault which the kernel gives.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::unistd;

/// A descriptor that is read and written without a buffer.
#[derive(Debug)]
pub struct Unbuffered<D>(pub D);

impl<D: AsFd> Read for Unbuffered<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(unistd::read(&self.0, buffer)?)
    }
}

impl<D: AsFd> Write for Unbuffered<D> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        Ok(unistd::write(&self.0, text)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn the_wrong_direction_is_a_fault() {
        let open = |reads: bool| {
            let mut options = OpenOptions::new();
            options.read(reads).write(!reads);
            Unbuffered(options.open("/dev/null").unwrap())
        };
        let fault = Some(libc::EBADF);
        let written = open(true).write(b"text");
        assert_eq!(written.unwrap_err().raw_os_error(), fault);
        let read = open(false).read(&mut [0; 4]);
        assert_eq!(read.unwrap_err().raw_os_error(), fault);
    }
}
