# Shows what comes on standard input on a terminal, and waits for a key where a
# screen is full: perl pages.pl. Any key goes on, q ends it.
#
# What comes meanwhile is taken in, so that who writes it never waits. A line that is
# not at its end, as one of progress, is shown as far as it is there.
use strict;
use warnings;
use Errno qw(EINTR);
use POSIX ();

use constant TIOCGWINSZ => 0x5413;
use constant PROMPT     => "\e[7m any key goes on, q ends it \e[m";

open my $keys, '<', '/dev/tty' or exec 'cat';
my $before = POSIX::Termios->new;
$before->getattr(fileno $keys);
$SIG{$_} = sub { give_back(); POSIX::_exit(128 + 2) } for qw(INT TERM HUP);
$| = 1;

my ($text, $ended, $waits) = ('', 0, 0);
my $used = 0;    # the lines of the screen that are full
my $begun = 0;   # the characters of a line that is not at its end
while (!$ended || $text ne '' || $waits) {
    show() if !$waits;
    last if $ended && $text eq '' && !$waits;
    my $readable = '';
    vec($readable, fileno STDIN, 1) = 1 if !$ended;
    vec($readable, fileno $keys, 1) = 1 if $waits;
    next if select($readable, undef, undef, undef) <= 0;
    if (!$ended && vec $readable, fileno STDIN, 1) {
        my $count = sysread STDIN, $text, 65536, length $text;
        $ended = 1 if defined $count ? !$count : $! != EINTR;
    }
    if ($waits && vec $readable, fileno $keys, 1) {
        my $count = sysread $keys, my $key, 64;
        next if !defined $count && $! == EINTR;
        print "\r\e[K";
        give_back();
        exit if !$count || $key =~ /q/i;
        ($waits, $used) = (0, 0);
    }
}

# Show lines until the screen is full, or there are no more.
sub show {
    my ($rows, $columns) = size();
    while ($text ne '') {
        return wait_for_key() if $used >= $rows - 1 && $begun == 0;
        $text =~ s/^([^\n]*\n?)//;
        my $line = $1;
        print $line;
        my $seen = $line =~ s/\e\[[0-9;]*m//gr =~ s/.*\r(?=.)//sr;
        utf8::decode($seen);
        $begun += length $seen =~ s/\n//r;
        if ($line =~ /\n$/) {
            $used += 1 + ($begun > 0 ? int(($begun - 1) / $columns) : 0);
            $begun = 0;
        } elsif ($line =~ /\r/) {
            $begun = length $seen;
        }
    }
}

sub wait_for_key {
    my $mode = POSIX::Termios->new;
    $mode->getattr(fileno $keys);
    $mode->setlflag($mode->getlflag & ~(POSIX::ICANON() | POSIX::ECHO()));
    $mode->setcc(POSIX::VMIN(), 1);
    $mode->setattr(fileno $keys, POSIX::TCSANOW());
    print PROMPT;
    $waits = 1;
}

sub give_back {
    $before->setattr(fileno $keys, POSIX::TCSANOW());
}

sub size {
    my $size = "\0" x 8;
    ioctl $keys, TIOCGWINSZ, $size;
    my ($rows, $columns) = unpack 'S S', $size;
    return ($rows || 24, $columns || 80);
}
