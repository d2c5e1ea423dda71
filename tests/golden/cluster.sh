#!/bin/bash
# The submissions of scripts/cluster at work: GNU parallel, Open MPI, and a real Slurm of two nodes on the loopback
# address, one of which is killed with its shard half done. Its shards are requeued, and what is merged in the end is what
# one undisturbed sweep gives, byte for byte apart from the clocks: nothing lost, nothing doubled. Of the Kubernetes jobs
# only the commands are run. All daemons are started here, by whoever runs the test, and stopped at its end.
# Called with the source folder, the program and a scratch folder. Only with HEADROOM_ALL=1.
set -u
root=$1 program=$2 scratch=$3
[ "${HEADROOM_ALL:-0}" != 0 ] || { echo "skipped: only with HEADROOM_ALL=1 (scripts/test --all)"; exit 77; }
for tool in sqlite3 parallel mpirun slurmctld slurmd sbatch munged; do
    command -v $tool >/dev/null || PATH=$PATH:/usr/sbin command -v $tool >/dev/null ||
        { echo "skipped: $tool is not installed (packages_all of scripts/packages)"; exit 77; }
done
PATH=$PATH:/usr/sbin
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
scratch=$PWD
status=0
fail() { echo "FAILED: $*"; status=1; }
export HEADROOM=$program

dump() {
    cp "$1" copy.db
    sqlite3 copy.db "UPDATE run SET started_utc = '', wall_s = 0, loop_s = 0, command = ''" .dump
}
same() { # FILE.db: as the undivided sweep
    dump "$1" >now.sql
    cmp -s whole.sql now.sql && return
    fail "$1 is not what one sweep gives"
    diff whole.sql now.sql | head -4 | cut -c1-200
}

# A study whose sixth part takes some seconds here, whatever the machine: replications are added until it does.
begun_ms=$(date +%s%3N)
"$program" sweep "$root/tests/golden/sweep.yaml" --quiet -j 1 -o probe.db || exit 1
took_ms=$(($(date +%s%3N) - begun_ms))
replications=$((3 * 12000 / (took_ms > 0 ? took_ms : 1) + 3))
sed "s/replications: 3/replications: $replications/" "$root/tests/golden/sweep.yaml" >study.yaml
"$program" sweep study.yaml --quiet -o whole.db || exit 1
dump whole.db >whole.sql
runs=$(sqlite3 whole.db "SELECT count(*) FROM run")
echo "$runs runs"

# --- GNU parallel, Open MPI, the commands of Kubernetes ---

mkdir parallel mpi kubernetes
cp study.yaml parallel
cp study.yaml mpi
(cd parallel && "$root/scripts/cluster/sweep-parallel" study.yaml 3 >out 2>&1) || { fail parallel; cat parallel/out; }
same parallel/study.db
as_root=
[ "$(id -u)" -ne 0 ] || as_root=--allow-run-as-root
(cd mpi && "$root/scripts/cluster/sweep-mpi" study.yaml -n 2 $as_root --oversubscribe --mca btl self,vader \
    --mca oob_tcp_if_include lo --mca plm isolated >out 2>&1) || { fail mpi; cat mpi/out; }
same mpi/study.db

# What `sh -c` of a job runs, with the folders of its volumes here.
command_of() {
    awk -v job="$1" '/^  name:/ { at = $2 } at == job && /exec headroom/ { on = 1 }
        on { print } on && (/\.db$/ || /\]$/) { exit }' "$root/scripts/cluster/sweep-kubernetes.yaml" |
        tr '\n' ' ' | sed "s/.*exec headroom/exec headroom/; s/'\] *$//; s#/results/#kubernetes/#g; s#/study/##g"
}
mkdir bin && ln -s "$program" bin/headroom
for index in 0 1 2; do
    PATH=$scratch/bin:$PATH JOB_COMPLETION_INDEX=$index SHARDS=3 sh -c "$(command_of headroom-sweep)" ||
        fail "kubernetes: $(command_of headroom-sweep)"
done
PATH=$scratch/bin:$PATH sh -c "$(command_of headroom-merge)" >/dev/null || fail "kubernetes: $(command_of headroom-merge)"
same kubernetes/study.db

# --- Slurm ---

shards=6
host=$(hostname -s)
port=$((20000 + $$ % 20000))
declare -A daemons
stop() {
    local pid
    for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in $(job_pids n1) $(job_pids n2); do kill -9 "$pid" 2>/dev/null; done
    sleep 1
    for pid in "${daemons[@]}"; do kill -9 "$pid" 2>/dev/null; done
    wait
}
# The processes of this cluster's jobs on a node, and the steps that hold them.
job_pids() {
    local dir pid parent
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        cat "$dir/environ" 2>/dev/null | tr '\0' '\n' |
            awk -v node="SLURMD_NODENAME=$1" -v conf="SLURM_CONF=$scratch/slurm.conf" '
                $0 == node || $0 == conf { found++ } END { exit found != 2 }' || continue
        parent=$(awk '{ print $4 }' "$dir/stat" 2>/dev/null)
        echo "$pid"
        if [ "$(cat "/proc/$parent/comm" 2>/dev/null)" = slurmstepd ]; then echo "$parent"; fi
    done
}
trap stop EXIT

head -c 1024 /dev/urandom >munge.key
chmod 600 munge.key
chmod 755 .
mkdir state spool.n1 spool.n2
cat >slurm.conf <<END
ClusterName=headroom
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$scratch/munge.socket
CredType=cred/munge
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool.%n
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.%n.pid
SlurmctldLogFile=$scratch/slurmctld.log
SlurmdLogFile=$scratch/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=1
SlurmdTimeout=5
KillWait=1
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$scratch/slurm.conf

# until_true SECONDS COMMAND...: whether it came true in time.
until_true() {
    local left=$(($1 * 5))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 0.2
    done
}
start_node() {
    slurmd -D -N "$1" >>"$1.out" 2>&1 &
    daemons[$1]=$!
}
munged --foreground --force --socket="$scratch/munge.socket" --key-file="$scratch/munge.key" \
    --pid-file="$scratch/munged.pid" --log-file="$scratch/munged.log" --seed-file="$scratch/munge.seed" 2>munged.out &
daemons[munged]=$!
until_true 20 test -S munge.socket || { fail "munge did not start"; cat munged.out; exit 1; }
slurmctld -D -c >slurmctld.out 2>&1 &
daemons[slurmctld]=$!
start_node n1
start_node n2
both_idle() { [ "$(sinfo -h -N -o '%N %T' 2>/dev/null | xargs)" = "n1 idle n2 idle" ]; }
until_true 60 both_idle || { fail "the nodes did not come up"; cat ./*.out; exit 1; }
echo "Slurm: $(sinfo -h -N -o '%N %T' | xargs)"

job=$(sbatch --parsable --array=1-$shards --cpus-per-task=1 --output=shard-%a.log \
    "$root/scripts/cluster/sweep.slurm" study.yaml) || { fail "sbatch"; exit 1; }

# A node is killed once a shard on it has written something and is not done.
shard_of() { squeue -h -t RUNNING -w "$1" -o %K 2>/dev/null | head -1; }
counts() { sqlite3 -cmd '.timeout 5000' "study.parts/$1.db" "SELECT done, runs FROM sweep" 2>/dev/null; }
half_done() {
    local counts
    victim=$(shard_of n2)
    [ -n "$victim" ] || return 1
    counts=$(counts "$victim")
    [ -n "$counts" ] && [ "${counts%|*}" -gt 0 ] && [ "${counts%|*}" -lt $((${counts#*|} * 3 / 4)) ]
}
until_true 60 half_done || { fail "no shard was seen at work on n2"; squeue; cat shard-*.log; exit 1; }
# shellcheck disable=SC2046 # pids are words
kill -9 "${daemons[n2]}" $(job_pids n2)
wait "${daemons[n2]}" 2>/dev/null
unset 'daemons[n2]'
left=$(counts "$victim")
echo "n2 was killed with shard $victim at $left"
[ -z "$(job_pids n2)" ] || fail "jobs of n2 live on"
[ "${left%|*}" -lt "${left#*|}" ] || fail "the shard was done before its node was killed"

# Slurm notices, requeues, and goes on with the other node; then the lost one comes back.
n2_is_down() { sinfo -h -n n2 -o %T | grep -q '^down'; }
until_true 60 n2_is_down || fail "the node's loss was not noticed"
requeued() { scontrol -o show job "$job" | grep "ArrayTaskId=$victim " | grep -q 'Restarts=[1-9]'; }
until_true 60 requeued || { fail "shard $victim was not requeued"; scontrol -o show job "$job"; }
start_node n2
# A requeued job is held back for two minutes, lest it fails at once again; there is no need to wait for that here.
for id in $(squeue -h -r -t PENDING -o %A); do scontrol update "jobid=$id" StartTime=now 2>/dev/null; done
all_done() {
    local id
    for id in $(squeue -h -r -t PENDING -o '%A %r' | awk '$2 == "BeginTime" { print $1 }'); do
        scontrol update "jobid=$id" StartTime=now 2>/dev/null
    done
    [ -z "$(squeue -h -o %A)" ]
}
until_true 240 all_done || { fail "the queue is not empty"; squeue; }

for shard in $(seq $shards); do
    counts=$(counts "$shard")
    [ "${counts%|*}" = "${counts#*|}" ] || { fail "shard $shard: $counts"; cat "shard-$shard.log"; }
done
grep -q "runs, ${left%|*} of them there already" "shard-$victim.log" ||
    { fail "shard $victim did not go on where it was"; cat "shard-$victim.log"; }
"$program" merge study.db study.parts/*.db || fail "merge"
same study.db
[ "$(sqlite3 study.db "SELECT count(*), count(DISTINCT replication || ' ' || point || ' ' || run_name) FROM run")" = \
    "$runs|$runs" ] || fail "runs were lost or doubled"
exit $status
