# The language spoken on the line between the machine and a guest: a serial one
# under user-mode Linux.
#
# A frame is a kind (one character), a length (16 bits) and that many bytes.
#
#   to the guest    i  input, an answer to r; empty at its end
#                   w  size of the terminal: two 16-bit numbers, rows and columns
#   from the guest  r  ready for input: at most 2048 bytes may be sent, once
#                   o  output       e  error output
#                   x  the command ended: its exit status (16 bits)
#
# That input is asked for keeps both ends free of deadlocks, and a serial line
# from filling its buffer of 4096 bytes: a full one would never be emptied again.
package Frames;
use strict;
use warnings;
use Errno qw(EINTR EAGAIN);

use constant INPUT_LIMIT => 2048;

# Split complete frames off the front of a buffer.
sub take {
    my ($buffer) = @_;
    my @frames;
    while (length $$buffer >= 3) {
        my ($kind, $length) = unpack 'a n', $$buffer;
        last if length $$buffer < 3 + $length;
        push @frames, [ $kind, substr($$buffer, 3, $length) ];
        substr $$buffer, 0, 3 + $length, '';
    }
    return @frames;
}

# Send one frame. False when the other end is gone.
sub give {
    my ($line, $kind, $data) = @_;
    return put($line, pack('a n/a*', $kind, $data));
}

# Write all of it, whatever it takes. False when nobody reads any more.
sub put {
    my ($handle, $data) = @_;
    while (length $data) {
        my $written = syswrite $handle, $data;
        if (defined $written) {
            substr $data, 0, $written, '';
        } elsif ($! == EAGAIN) {
            my $wait = '';
            vec($wait, fileno $handle, 1) = 1;
            select undef, $wait, undef, undef;
        } elsif ($! != EINTR) {
            return 0;
        }
    }
    return 1;
}

1;
