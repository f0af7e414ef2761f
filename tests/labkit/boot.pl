# The machine's end of a guest: boots it, has it run one command, carries the
# command's streams (see Frames.pm), and ends with the command's exit status.
#
#   boot.pl --kernel PROGRAM --modules FOLDER --memory SIZE [--keep FOLDER]...
#           [--while PROCESS] [--disk FILE] [--preload LIBRARY] [QEMU] -- COMMAND [ARGUMENT...]
#
# The guest can write for good in the folders to keep. It ends with PROCESS, if
# not before.
#
# The kernel is user-mode Linux, or, where QEMU is given, one that boots in a machine
# that QEMU plays:
#
#   --qemu WORD... --initrd ARCHIVE --console DEVICE
#
# The words are what QEMU's command begins with. There, --cached makes a guest
# quicker: it may not see what changes in the folders to keep while it runs.
#
# What the guest is told lies in a folder of its own under /tmp, with the
# kernel's log. The folder and the kernel's processes are removed by a process
# that does nothing but wait for this one to end, in whatever way it ends.
use strict;
use warnings;
use Cwd ();
use Errno qw(EINTR);
use File::Path ();
use File::Temp ();
use Getopt::Long ();
use POSIX ();
use Frames;

use constant TIOCGWINSZ => 0x5413;

my (%option, @qemu, @keep);
Getopt::Long::Configure('require_order');
Getopt::Long::GetOptions(
    \%option, 'kernel=s', 'modules=s', 'memory=s', 'while=i', 'disk=s', 'preload=s', 'initrd=s', 'console=s',
    'cached', 'qemu=s' => \@qemu, 'keep=s' => \@keep
) && @ARGV && $option{kernel} && $option{modules} && $option{memory}
    or die "usage: boot.pl --kernel PROGRAM --modules FOLDER --memory SIZE [--keep FOLDER]... [--while PROCESS] [--disk FILE] [--preload LIBRARY] [QEMU] -- COMMAND...\n";

my $directory = Cwd::getcwd();

# As ssh does it: a terminal inside where there is one at both ends here.
my $terminal = -t STDIN && -t STDOUT ? -t STDERR ? '012' : '01' : '';
my $terminal_mode = $terminal ne '' ? qx(stty -g) : '';
chomp $terminal_mode;

$SIG{$_} = sub { POSIX::_exit(128 + 15) } for qw(TERM HUP);
$SIG{INT} = sub { POSIX::_exit(128 + 2) };
$SIG{PIPE} = 'IGNORE';

my $lab = File::Temp::tempdir('ipvsadm-lab.XXXXXX', DIR => '/tmp');
tell_guest('command',     @ARGV);
tell_guest('environment', environment());
tell_guest('directory',   $directory);
tell_guest('terminal',    $terminal);
tell_guest('modules',     $option{modules});
# The root folder cannot be kept: then nothing would be left to protect.
my %seen;
@keep = grep { $_ ne '/' && !$seen{$_}++ } map { Cwd::realpath($_) } @keep;
tell_guest('keep', @keep);
symlink $ENV{LABKIT}, "$lab/labkit" or die "$lab/labkit: $!\n";

pipe my $to_guest_end,   my $to_guest   or die "pipe: $!\n";
pipe my $from_guest,     my $from_guest_end or die "pipe: $!\n";
my $kernel = start_kernel();
close $to_guest_end;
close $from_guest_end;
my ($guard, $alive) = start_guard();

if ($terminal ne '') {
    system 'stty', 'raw', '-echo';
    $SIG{WINCH} = sub { send_size() };
}

my $received = '';
my $asked    = 0;    # the guest takes input
my $input_fd = fileno STDIN;
my $status;
until (defined $status) {
    my $readable = '';
    vec($readable, fileno $from_guest, 1) = 1;
    vec($readable, $input_fd, 1) = 1 if $asked && defined $input_fd;
    my $found = select $readable, undef, undef, 1;
    finish(128 + 15) if $option{while} && !kill 0, $option{while};
    # A kernel that was killed leaves helpers behind, who hold the line open.
    last if $found == 0 && waitpid($kernel, POSIX::WNOHANG()) == $kernel;
    next if $found <= 0;    # a signal, or the time is up

    if (vec $readable, fileno $from_guest, 1) {
        my $count = sysread $from_guest, $received, 65536, length $received;
        next if !defined $count && $! == EINTR;
        last if !$count;
        take_frame(@$_) for Frames::take(\$received);
    }
    if ($asked && defined $input_fd && vec $readable, $input_fd, 1) {
        my $count = sysread STDIN, my $data, Frames::INPUT_LIMIT;
        next if !defined $count && $! == EINTR;
        $input_fd = undef if !$count;    # its end, or it cannot be read
        Frames::give($to_guest, 'i', $data // '');
        $asked = 0;
    }
}
if (!defined $status) {
    system 'stty', $terminal_mode if $terminal_mode ne '';
    print STDERR "tests/lab: the guest ended before its command did. Its kernel's last words:\n";
    system "tail -n 40 '$lab/log' >&2";
    $status = 125;
}
finish($status);

sub take_frame {
    my ($kind, $data) = @_;
    if ($kind eq 'o') {
        Frames::put(\*STDOUT, $data) or finish(128 + 13);
    } elsif ($kind eq 'e') {
        Frames::put(\*STDERR, $data);
    } elsif ($kind eq 'r') {
        send_size() if !$asked && $terminal ne '';
        $asked = 1;
    } elsif ($kind eq 'x') {
        $status = unpack 'n', $data;
    }
}

sub send_size {
    my $size = "\0" x 8;
    ioctl STDIN, TIOCGWINSZ, $size or return;
    Frames::give($to_guest, 'w', pack 'n n', unpack 'S S', $size);
}

# Let the guard clean up, wait until it has, and end.
sub finish {
    my ($status) = @_;
    close $alive;
    waitpid $_, 0 for $kernel, $guard;
    POSIX::_exit($status);
}

# The command's environment: ours, except for what is not true inside.
sub environment {
    my %inside = (%ENV, USER => 'root', LOGNAME => 'root');
    delete @inside{qw(TMPDIR TMP TEMP XDG_RUNTIME_DIR OLDPWD TMUX STY)};
    for my $folder (qw(/usr/sbin /sbin)) {
        $inside{PATH} .= ":$folder" if ":$inside{PATH}:" !~ /:\Q$folder\E:/;
    }
    return map { "$_=$inside{$_}" } sort keys %inside;
}

sub tell_guest {
    my ($name, @words) = @_;
    open my $file, '>', "$lab/$name" or die "$lab/$name: $!\n";
    print $file map { "$_\0" } @words;
    close $file or die "$lab/$name: $!\n";
}

# Start the kernel in a process group of its own, its console going to a log.
sub start_kernel {
    my $process = fork // die "fork: $!\n";
    return $process if $process;
    POSIX::setsid();
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', "$lab/log";
    open STDERR, '>&', \*STDOUT;
    my ($input, $output, @command) = @qemu ? qemu_command() : uml_command();
    POSIX::dup2(fileno $to_guest_end, $input);
    POSIX::dup2(fileno $from_guest_end, $output);
    close $to_guest;
    close $from_guest;
    exec { $command[0] } @command or POSIX::_exit(127);
}

# What starts the kernel, behind the file numbers of the line's two directions.
sub uml_command {
    $ENV{LD_PRELOAD} = $option{preload} if $option{preload};
    $ENV{TMPDIR} = memory_folder();    # where the kernel puts the file that is its memory
    my ($input, $output) = (10, 11);
    my $first = $option{disk} ? 'systemd/init' : 'guest/init';
    return (
        $input, $output, $option{kernel},
        'quiet', 'panic=-1', "mem=$option{memory}", "uml_dir=$lab", 'umid=uml',
        'rootfstype=hostfs', 'rootflags=/', "init=$lab/labkit/$first",
        'con=null', 'con0=null,fd:1', 'ssl=null', "ssl0=fd:$input,fd:$output",
        "lab=$lab", 'engine=uml', $option{disk} ? "ubd0=$option{disk}" : (),
    );
}

# Here the line is a port of a virtual console, which carries bytes as they are.
sub qemu_command {
    my $keep_cache = $option{cached} ? 'loose' : 'none';
    return (
        0, 1, @qemu, '-m', $option{memory},
        '-chardev', "file,id=log,path=$lab/log,append=on", '-serial', 'chardev:log',
        '-device', 'virtio-serial', '-chardev', 'stdio,id=line,signal=off',
        '-device', 'virtserialport,chardev=line',
        share('machine', '/', 'readonly=on'), map({ share("keep$_", $keep[$_]) } 0 .. $#keep),
        '-kernel', $option{kernel}, '-initrd', $option{initrd},
        '-append', "console=$option{console} quiet panic=-1 lab=$lab engine=qemu keep_cache=$keep_cache",
    );
}

# The options of QEMU that give the guest a folder, under a name.
sub share {
    my ($name, $folder, @more) = @_;
    $folder =~ s/,/,,/g;
    # Whose a file is stays as it is, and what lies in several file systems here
    # has numbers of its own there.
    return ('-virtfs', join ',', "local,path=$folder,mount_tag=$name",
        'security_model=none,multidevs=remap', @more);
}

# Shared memory is quickest, but a container has little of it, or none for us.
sub memory_folder {
    my ($megabytes) = map { /^(\d+)G$/i ? $1 * 1024 : /^(\d+)M$/i ? $1 : 1024 } $option{memory};
    my @free = split ' ', (qx(df -m --output=avail /dev/shm 2>/dev/null))[-1] // 0;
    return $free[-1] > $megabytes && -w '/dev/shm' ? '/dev/shm' : $lab;
}

sub start_guard {
    pipe my $watched, my $alive or die "pipe: $!\n";
    my $process = fork // die "fork: $!\n";
    return ($process, $alive) if $process;
    close $alive;
    close $to_guest;
    close $from_guest;
    POSIX::setsid();
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
    sysread $watched, my $nothing, 1;    # until boot.pl is no more
    kill 'KILL', -$kernel;
    File::Path::remove_tree($lab);
    system 'stty', $terminal_mode if $terminal_mode ne '';
    POSIX::_exit(0);
}
