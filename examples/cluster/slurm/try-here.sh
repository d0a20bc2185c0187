#!/usr/bin/env bash
# Slurm for real, on this machine alone: starts a cluster of one node (as root, in a container say), sends an array of four
# tasks through predict, requeues one of them in the middle, merges the answers, and sends a task whose input is bad, which must
# not be tried again. Debian's packages:
#
#   apt-get install slurm-wlm munge
#   examples/cluster/slurm/try-here.sh [folder of pictures] [folder for everything that is written]
#
# There is no accounting, so Slurm writes the ends of jobs to a file, which is printed.
set -euo pipefail
cd "$(dirname "$0")/../../.."

PICTURES=${1:-data}
WORK=$(realpath -m "${2:-$(mktemp -d)}")
mkdir -p "$WORK"/{state,spool,answers} /run/munge
HOST=$(hostname -s)

cat > "$WORK/slurm.conf" <<CONF
ClusterName=tessera
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$WORK/ends.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=30
RequeueExit=1
MailProg=/bin/true
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(free -m | awk '/^Mem:/ { print int($2 * 0.9) }') State=UNKNOWN
PartitionName=here Nodes=$HOST Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$WORK/slurm.conf"

stop() {
  for pid in "$WORK"/slurmd.pid "$WORK"/slurmctld.pid; do [ ! -f "$pid" ] || kill "$(cat "$pid")" || true; done
}
trap stop EXIT

chown munge: /run/munge
pgrep -x munged >/dev/null || runuser -u munge -- munged
slurmctld
slurmd
until [ "$(sinfo --noheader --format=%T)" = idle ]; do sleep 1; done

find "$(realpath "$PICTURES")" -type f \( -name '*.jpg' -o -name '*.png' \) | sort > "$WORK/list.txt"
echo "$(wc -l < "$WORK/list.txt") pictures, an array of four tasks"
JOB=$(LIST="$WORK/list.txt" OUT="$WORK/answers" \
  sbatch --parsable --mem=0 --cpus-per-task=1 --output="$WORK/task-%a.log" \
  examples/cluster/slurm/predict.sbatch --weights pretrained --batch 4)

# The second task is requeued once it has answers and is not at its end.
part="$WORK/answers/part-2.jsonl"
until [ -s "$part" ]; do sleep 0.2; done
scontrol requeue "${JOB}_2"
echo "requeued task 2 at $(wc -l < "$part") answers"

while squeue --noheader --job "$JOB" 2>/dev/null | grep -q .; do sleep 1; done
echo "The ends of the tasks, as Slurm wrote them:"
awk '{ for (i = 1; i <= NF; i++) { split($i, pair, "="); of[pair[1]] = pair[2] }
  print "  task " of["ArrayTaskId"] ": " of["JobState"] ", " of["StartTime"] " to " of["EndTime"] ", exit code " of["ExitCode"] }' "$WORK/ends.txt"
grep -h 'going on\|Stopping' "$WORK"/task-*.log || true

node bin/tessera.mjs merge "$WORK"/answers/part-*.jsonl --out "$WORK/answers.jsonl"
test "$(wc -l < "$WORK/answers.jsonl")" = "$(wc -l < "$WORK/list.txt")"

# A list that is not there: the task ends with 64, and Slurm, which requeues what ends with 1, leaves it at that.
BAD=$(LIST="$WORK/no such list" OUT="$WORK/answers" \
  sbatch --parsable --mem=0 --cpus-per-task=1 --array=1 --output="$WORK/bad-%a.log" \
  examples/cluster/slurm/predict.sbatch --weights pretrained)
while squeue --noheader --job "$BAD" 2>/dev/null | grep -q .; do sleep 1; done
grep -h '^error: ' "$WORK/bad-1.log"
end=$(scontrol show job "${BAD}_1" | grep -Eo '(JobState|Restarts|ExitCode)=[^ ]+' | paste -sd ' ')
echo "  $end"
test "$end" = 'JobState=FAILED Restarts=0 ExitCode=64:0'
echo "Everything is in $WORK."
