# The guest's end of the line to the machine: runs the one command the guest was booted
# for and carries its streams; see Frames.pm for how. It is process 1, so it
# also takes in orphans, and when it ends the kernel does.
use strict;
use warnings;
use POSIX ();
use Errno qw(EINTR EAGAIN);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK O_RDWR O_NOCTTY);
use Frames;

use constant {
    TIOCSPTLCK => 0x40045431,
    TIOCGPTN   => 0x80045430,
    TIOCSCTTY  => 0x540E,
    TIOCSWINSZ => 0x5414,
};

my ($lab, $line_device) = @ARGV;
my @command     = words('command');
my %environment = map { split /=/, $_, 2 } words('environment');
my ($directory) = words('directory');
my $terminal    = (words('terminal'))[0] // '';    # the streams that are one: "01", "012" or ""

sysopen my $line, $line_device, O_RDWR | O_NOCTTY or die "$line_device: $!";
raw($line);

# Our ends of the command's streams. With a terminal, one handle is several.
my ($input, $output, $errors);
my ($child_input, $child_output, $child_errors);
if ($terminal ne '') {
    sysopen my $master, '/dev/ptmx', O_RDWR | O_NOCTTY or die "terminal: $!";
    my $locked = pack 'i', 0;
    ioctl $master, TIOCSPTLCK, $locked or die "terminal: $!";
    my $number = pack 'i', 0;
    ioctl $master, TIOCGPTN, $number or die "terminal: $!";
    sysopen my $slave, '/dev/pts/' . unpack('i', $number), O_RDWR | O_NOCTTY or die "terminal: $!";
    ($input, $output) = ($master, $master);
    ($child_input, $child_output) = ($slave, $slave);
    $child_errors = $slave if $terminal =~ /2/;
} else {
    pipe $child_input, $input or die;
    pipe $output, $child_output or die;
}
pipe $errors, $child_errors or die if $terminal !~ /2/;

my $child = fork // die "fork: $!";
if ($child == 0) {
    POSIX::setsid();
    ioctl $child_input, TIOCSCTTY, 0 if $terminal ne '';
    POSIX::dup2(fileno $child_input,  0);
    POSIX::dup2(fileno $child_output, 1);
    POSIX::dup2(fileno $child_errors, 2);
    %ENV = %environment;
    chdir $directory or die "$directory: $!\n";
    { no warnings 'exec'; exec { $command[0] } @command }
    my $status = $!{ENOENT} ? 127 : 126;
    print STDERR "tests/lab: $command[0]: $!\n";
    POSIX::_exit($status);
}
close $_ for grep { defined } $child_input, $child_output, $child_errors;
nonblocking($_) for grep { defined } $input, $output, $errors;

my $ended;    # the command's exit status
$SIG{CHLD} = sub { };    # so that select is interrupted
$SIG{PIPE} = 'IGNORE';

my $received = '';    # from the line, not a whole frame yet
my $pending  = '';    # input that the command has not taken yet
my $closing  = 0;     # no more input will come
give('r', '');

while (1) {
    reap();
    last if defined $ended;
    my ($readable, $writable) = ('', '');
    vec($readable, fileno $_, 1) = 1 for grep { defined } $line, $output, $errors;
    vec($writable, fileno $input, 1) = 1 if defined $input && $pending ne '';
    # The timeout is for the moment between reap and select, in which the
    # command may end.
    next if select($readable, $writable, undef, 0.2) <= 0;

    if (vec $readable, fileno $line, 1) {
        my $count = sysread $line, $received, 65536, length $received;
        exit 1 if defined $count ? $count == 0 : $! != EINTR;    # the machine's end is gone
        for (Frames::take(\$received)) {
            my ($kind, $data) = @$_;
            if ($kind eq 'i') {
                $pending = $data;
                $closing = $data eq '';
            } elsif ($kind eq 'w' && $terminal ne '' && defined $output) {
                my $size = pack 'S4', unpack('n n', $data), 0, 0;
                ioctl $output, TIOCSWINSZ, $size;
            }
        }
        feed();
    } elsif (defined $input && $pending ne '' && vec $writable, fileno $input, 1) {
        feed();
    }
    $output = pass('o', $output) if defined $output && vec $readable, fileno $output, 1;
    $errors = pass('e', $errors) if defined $errors && vec $readable, fileno $errors, 1;
}

# What the command wrote before it ended is all here by now.
while (defined $output) { $output = pass('o', $output) // last }
while (defined $errors) { $errors = pass('e', $errors) // last }
system 'sync';
give('x', pack 'n', $ended);
sleep;    # until the machine's end stops us

# Take in every process that has ended, the command among them.
sub reap {
    while ((my $process = waitpid -1, POSIX::WNOHANG) > 0) {
        $ended = $? & 127 ? 128 + ($? & 127) : $? >> 8 if $process == $child;
    }
}

# Hand input on to the command, and ask for more when all is taken.
sub feed {
    return if $pending eq '' && !$closing;
    if ($closing) {
        if ($terminal ne '') { syswrite $input, "\cD" }
        else                 { undef $input }
        $closing = 0;
        return;
    }
    my $written = defined $input ? syswrite $input, $pending : length $pending;
    if (defined $written) { substr $pending, 0, $written, '' }
    elsif ($! != EAGAIN && $! != EINTR) { ($input, $pending) = (undef, '') }
    give('r', '') if $pending eq '';
}

# Carry one piece of output to the machine. Gives the handle back while there
# may be more, nothing at its end; and, once the command has ended, nothing when
# it is empty.
sub pass {
    my ($kind, $handle) = @_;
    my $count = sysread $handle, my $data, 32768;
    if ($count) {
        give($kind, $data);
        return $handle;
    }
    return if defined $count || defined $ended;
    return $handle if $! == EAGAIN || $! == EINTR;
    return;
}

sub give {
    my ($kind, $data) = @_;
    Frames::give($line, $kind, $data) or exit 1;
}

# The words of one of boot.pl's files.
sub words {
    open my $file, '<', "$lab/$_[0]" or die "$lab/$_[0]: $!";
    local $/;
    return split /\0/, <$file>;
}

sub nonblocking {
    my ($handle) = @_;
    fcntl $handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK;
}

# Make the line carry bytes as they are, if it is not one that always does.
sub raw {
    my ($handle) = @_;
    my $mode = POSIX::Termios->new;
    $mode->getattr(fileno $handle) or return;
    $mode->setiflag(0);
    $mode->setoflag(0);
    $mode->setlflag(0);
    $mode->setcflag(POSIX::CS8() | POSIX::CREAD() | POSIX::CLOCAL());
    $mode->setcc(POSIX::VMIN(), 1);
    $mode->setcc(POSIX::VTIME(), 0);
    $mode->setattr(fileno $handle, POSIX::TCSANOW());
}
