# Judges what a diagnosis said of a case, as run.sh describes it, in one line.
#
#   judge.pl CASE ANSWERED/TRIED PLAIN_STATUS PROBE_STATUS LISTEN_STATUS FOLDER [ANSWERED/TRIED]
#
# The documents are FOLDER/plain.*, FOLDER/probe.* and, where there are any,
# FOLDER/listen.*. The last word is of the same traffic after the diagnosis, where the
# case wants to know that. The status is 0 if it was right, 1 if not, and 2 if the case's
# symptom was not there.
use strict;
use warnings;
use JSON::PP;

my ($path, $traffic, $plain_rc, $probe_rc, $listen_rc, $folder, $again) = @ARGV;
my ($name) = $path =~ m{([^/]+)\.sh$};
my %head;
open my $case, '<', $path or die "$path: $!\n";
while (<$case>) {
    last if !/^#/;
    $head{$1} = $2 if /^#\s*([a-z-]+):\s*(.*?)\s*$/;
}
my $broken = $head{kind} eq 'broken';
my %found;    # by run: [ finding... ]
for my $run (qw(plain probe listen)) {
    $found{$run} = [];
    for my $file (sort glob "$folder/$run.*") {
        local $/;
        open my $in, '<', $file or die;
        my $document = eval { decode_json(<$in>) };
        if (!$document) {
            print "case $name WRONG no JSON from $run: $@";
            exit 1;
        }
        push @{ $found{$run} }, @{ $document->{findings} };
    }
}
# Said of any director: it says nothing about the case.
my $general = qr/^(?:idle-timeout|not-probed|reuse-delay|connections-unread)$/;
my ($want, $never) = map { defined && length ? qr/$_/ : undef } @head{qw(want never)};
my $note_will_do = 0;
if ($broken && $head{want} =~ s/^note:\s*//) {
    $note_will_do = 1;
    $want = qr/$head{want}/;
}
sub serious { grep { $_->{level} ne 'note' } @_ }
# Returns the service that a finding is about, as it is said in the head of a case.
sub subject {
    my $service = $_[0]{service} or return 'none';
    return defined $service->{firewall_mark} ? "mark $service->{firewall_mark}" : "$service->{address}:$service->{port}";
}
# What no set-up works with: it may be called a fault by state alone.
my $sure_by_state = qr/^(?:module-missing|lo-down|no-server|loopback-masqueraded|conntrack-full|connections-full|dropped-on-purpose|backup-only)$/;

# Returns what is wrong with the evidence that a run's findings name.
sub unfounded {
    my ($run) = @_;
    my $has_traffic = $run eq 'listen' || $head{traffic} ne 'no';
    my @wrong;
    for my $finding (@{ $found{$run} }) {
        my ($basis, $id) = ($finding->{basis} // 'none', $finding->{id});
        push @wrong, "$id of $run has the basis $basis"
            if $basis !~ /^(?:traffic|probe|state)$/ || $basis eq 'probe' && $run ne 'probe';
        push @wrong, "$id of $run is a fault by $basis alone"
            if $finding->{level} eq 'fault' && !$has_traffic && $basis ne 'traffic' && $id !~ $sure_by_state;
    }
    return @wrong;
}
sub list {
    my %seen;
    join ' ', grep { !$seen{$_}++ } map { "$_->{level}:$_->{id}" } grep { $_->{id} !~ $general } @_;
}
my @why;
my ($answered, $tried) = $traffic =~ m{^(\d+)/(\d+)$};
if (!defined $tried || ($broken ? $answered == $tried : $answered != $tried)) {
    printf "case %s NOT-REPRODUCED answered=%s plain=[%s] probe=[%s]\n", $name, $traffic || 'nothing', list(@{ $found{plain} }), list(@{ $found{probe} });
    exit 2;
}
push @why, map { unfounded($_) } qw(plain probe listen);
my @all = map { @{ $found{$_} } } qw(plain probe listen);
if ($broken) {
    push @why, 'cause not named' if !grep { $_->{id} =~ $want } $note_will_do ? @all : serious(@all);
    my %innocent = map { $_->{id} => 1 } grep { $never && $_->{id} =~ $never } serious(@all);
    push @why, "accuses by @{[ sort keys %innocent ]}" if %innocent;
    if (my $of = $head{of}) {
        my %other = map { subject($_) => 1 } grep { subject($_) ne $of && subject($_) ne 'none' } serious(@all);
        push @why, "accuses @{[ sort keys %other ]} in place of $of" if %other;
    }
    my %status = (probe => $probe_rc, listen => $listen_rc);
    for my $run (sort keys %status) {
        push @why, "$run is silent" if (!$answered || $head{of}) && !$status{$run} && !grep { $_->{id} !~ $general } @{ $found{$run} };
    }
    push @why, "the diagnosis changed the symptom: $again after" if $again && $again ne $traffic;
    if (my $bad = $head{'bad-remedy'}) {
        push @why, 'harmful or idle remedy' if grep { $_->{command} =~ /$bad/ } map { @{ $_->{remedy} // [] } } @all;
    }
} else {
    push @why, 'false alarm' if serious(@all);
    push @why, "exit status $plain_rc, $probe_rc and $listen_rc" if $plain_rc || $probe_rc || $listen_rc;
}
if (!@why) {
    print "case $name ok\n";
    exit 0;
}
printf "case %s WRONG plain=[%s] probe=[%s] listen=[%s]%s answered=%s (%s)\n", $name, (map { list(@{ $found{$_} }) } qw(plain probe listen)),
    $broken ? " want=$head{want}" . ($note_will_do ? ' (note will do)' : '') : '', $traffic, join '; ', @why;
exit 1;
