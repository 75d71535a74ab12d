"""Python steps: what a value becomes before something is run, and ordinary scripts.

Each script is divided from the next by a line of dashes, and lacks its first line.
"""

_BETWEEN = "\n---\n"


def _scripts(text: str) -> tuple[str, ...]:
    return tuple(f"# python3\n{script.strip()}" for script in text.split(_BETWEEN))


HOSTILE = _scripts(
    r'''
import subprocess
def sh(cmd):
    return subprocess.run(cmd, shell=True, check=True)
sh('true')
sh(f'{"${x}"} now')
---
import subprocess
def run(*cmd):
    subprocess.run(cmd)
run('sudo', '${x}')
---
import subprocess
def run(cmd, *more):
    subprocess.run([cmd, *more])
run('${x}')
---
import subprocess
def run(cmd='true'):
    subprocess.run([cmd])
run(cmd='${x}')
---
import subprocess
def run(cmd):
    cmd = ['${x}']
    subprocess.run(cmd)
run(['true'])
---
import subprocess
def run(cmd):
    subprocess.run(cmd)
for f in (run,):
    f(['${x}'])
---
import subprocess
subprocess.run(**{'args': ['${x}']})
---
import subprocess
subprocess.run(['sh', 'f']) if open('f','w').write('${x}') else 0
subprocess.run(['sh','f'])
---
import pathlib, os
pathlib.Path('f').write_text('${x}')
os.system('. ./f')
---
import os, tempfile
f = tempfile.NamedTemporaryFile('w')
f.write('${x}')
f.flush()
os.system('sh ' + f.name)
---
import os, shutil
shutil.copyfile('{dir}/${x}', 'f')
os.system('sh f')
---
import os, shutil
shutil.copy('{dir}/${x}', 'f')
os.system('./f')
---
import os
os.rename('{dir}/${x}', 'f')
os.system('./f')
---
import os
os.link('{dir}/${x}', 'f')
os.system('./f')
---
import os
e = os.environ
e['C'] = '${x}'
os.system('$C')
---
import os
os.environ['C'] = '${x}'
os.system('$C')
---
import os
os.environ.update({'C': '${x}'})
os.system('$C')
---
import os
os.environ |= {'C': '${x}'}
os.system('$C')
---
import os
from os import environ
environ['C'] = '${x}'
os.system('$C')
---
import os
os.environ['PATH'] = '{dir}:' + os.environ['PATH']
os.environ['BASH_ENV']='{dir}/${x}'
os.system('bash -c :')
---
import subprocess, os
subprocess.run('$C', shell=True, env={**os.environ, 'C': '${x}'})
---
import os
p = os.popen('sh', 'w')
p.write('${x}')
p.close()
---
import subprocess
p = subprocess.Popen(['sh'], stdin=subprocess.PIPE, text=True)
p.communicate('${x}')
---
import subprocess
p = subprocess.Popen(['bash'], stdin=subprocess.PIPE)
p.stdin.write(b'${x}')
p.stdin.close(); p.wait()
---
import subprocess
subprocess.run(['bash','-s'], input='${x}\n', text=True)
---
import subprocess
subprocess.run(['xargs','env'], input='${x}\n', text=True)
---
import os
x = '${x}'
os.execvp(x, [x])
---
import os
os.spawnvp(os.P_WAIT, '${x}', ['a'])
---
import subprocess
subprocess.run(('env', '${x}'))
---
import subprocess
c = 'env ' '${x}'
subprocess.run(c.split())
---
import subprocess
c = ['env']
d = c
d.append('${x}')
subprocess.run(c)
---
import subprocess
c = ['env']
def f(l): l.append('${x}')
f(c)
subprocess.run(c)
---
import subprocess
c = ['true']
def f(l): l[0] = '${x}'
f(c)
subprocess.run(c)
---
import subprocess
c = ['true']
c.insert(0, '${x}')
subprocess.run(c)
---
import subprocess
c = ['true']
c.extend(['${x}'])
subprocess.run(['env', *c][0:1] + c[1:])
---
import subprocess
c = ['true']
c[:] = ['${x}']
subprocess.run(c)
---
import subprocess
c = ['true']
for c in [['${x}']]:
    subprocess.run(c)
---
import subprocess
c = ['true']
with open('/dev/null') as c: pass
c = ['${x}']
subprocess.run(c)
---
import subprocess
c, d = ['true'], 1
c = ['${x}']
subprocess.run(c)
---
import subprocess
global c
c = 'true'
def f():
    global c
    c = '${x}'
f()
subprocess.run(c)
---
import subprocess
subprocess.run(f'{"env"} {"${x}"}', shell=True)
---
import subprocess
t = 'env %s' % '${x}'
subprocess.run(t, shell=True)
---
import subprocess
subprocess.run(['ssh', 'web-1'] + ['${x}'])
---
import subprocess
subprocess.run(['sudo', '-u', 'root'] + ['${x}'])
---
import subprocess
subprocess.run(['sh', '-c'] + ['${x}'])
---
import subprocess
subprocess.run(['sh', '-c', 'eval "$1"', '_', '${x}'])
---
import sys, subprocess
subprocess.run([sys.executable, '-c', 'import os; os.system("${x}")'])
---
import subprocess
subprocess.run(['python3', '-c', 'import os, sys; os.system(sys.argv[1])', '${x}'])
---
import subprocess
subprocess.run(['find', '.', '-maxdepth', '0', '-exec', '${x}', ';'])
---
import subprocess
subprocess.run('${x}', **{'shell': True})
---
import subprocess as s
run = s.run
run(['${x}'])
---
import subprocess
class R(subprocess.Popen): pass
R(['${x}'])
---
import os
class A:
    go = os.system
A.go('${x}')
---
import os
import functools
functools.reduce(lambda a, b: os.system(b), ['', '${x}'])
---
import os
sorted(['${x}'], key=os.system)
---
import os
(os).system('${x}')
---
import os
[os][0].system('${x}')
---
import os
if (o := os): o.system('${x}')
---
import os, contextlib
with contextlib.ExitStack() as s:
    s.callback(os.system, '${x}')
---
import signal, os
signal.signal(signal.SIGALRM, lambda *a: os.system('${x}'))
signal.alarm(1)
import time
time.sleep(2)
---
import shlex, subprocess
subprocess.run(shlex.join(['env', '${x}']), shell=True)
---
import subprocess
subprocess.run(['env'] * 1 + ['${x}'])
---
import subprocess
subprocess.run(['env', *('${x}',)])
---
import subprocess
subprocess.run(['env', 'A=1'] + '${x}'.split())
---
import subprocess
subprocess.run(['timeout', '5', '${x}'])
---
import subprocess
a = ['true']
a = a and ['${x}']
subprocess.run(a)
---
import subprocess
subprocess.run(args='${x}')
---
import subprocess
for c in ('true', '${x}'):
    subprocess.run([c])
---
import subprocess
[subprocess.run([c]) for c in ('true', '${x}')]
---
import subprocess
cmds = {'a': ['${x}']}
subprocess.run(cmds['a'])
---
import os
os.system('{} now'.format('${x}'))
---
import os
os.system(' '.join(['env', '${x}']))
---
import os
os.system("""cat <<E | sh
${x}
E""")
---
import os
os.system('sh <<E\n${x}\nE')
---
import os
os.system('echo ${x} | sh')
---
import os
os.system('echo ${x} > f; sh f')
---
import os
os.system('echo ${x} > f')
os.system('sh f')
---
import os
os.system('cp {dir}/${x} f')
os.system('./f')
---
import subprocess
subprocess.run(['cp', '{dir}/${x}', 'f'])
subprocess.run(['./f'])
---
import subprocess
subprocess.run(['tee', 'f'], input='${x}', text=True)
subprocess.run(['sh', 'f'])
---
import os
os.system('export C=${x}')
os.system('$C')
---
import os
os.putenv('C', '${x}')
os.system('$C')
---
import subprocess
c = ['${x}']
def a():
    subprocess.run(c)
def b():
    c = ['true']
a()
---
import subprocess
c = ['true']
def a():
    global c
    c = ['${x}']
a()
subprocess.run(c)
---
import subprocess
def a(c):
    [subprocess.run(c) for c in [['${x}']]]
a(['true'])
---
import subprocess
def a(c):
    def b():
        subprocess.run(c)
    c = ['${x}']
    b()
a(['true'])
---
import subprocess
def a():
    c = ['true']
    def b():
        nonlocal c
        c = ['${x}']
    b()
    subprocess.run(c)
a()
---
import subprocess
class A:
    def a(self, c):
        subprocess.run(c)
A().a(['${x}'])
---
import subprocess
def a(c):
    subprocess.run(c)
b = a
b(['${x}'])
---
import subprocess
def a(c):
    subprocess.run(c)
a(c=['${x}'])
a(['true'])
---
import subprocess
def a(d, c):
    subprocess.run(c)
a(c=['true'], d=1)
a(*[1, ['${x}']])
---
import subprocess
def a(c):
    subprocess.run(c)
a(['true'])
def a(c):
    subprocess.run([c])
a('${x}')
---
import subprocess
def a(*c):
    subprocess.run(c)
a('sudo', '${x}')
---
import subprocess
def a(c):
    c += ['${x}']
    subprocess.run(c)
a(['env'])
---
import subprocess
def a(c):
    c[0] = '${x}'
    subprocess.run(c)
a(['true'])
---
import subprocess
def a(c):
    c.insert(0, '${x}')
    subprocess.run(c)
a(['true'])
---
import subprocess
def a(c):
    c.append('${x}')
    subprocess.run(c)
a(['env'])
---
import subprocess
l = ['env']
def a(c):
    subprocess.run(c)
l.append('${x}')
a(l)
---
import subprocess
def a(c):
    if c: b(c)
def b(d):
    d.append('${x}')
    subprocess.run(d)
a(['env'])
---
import subprocess
c = ['true'] + []
c[0] = '${x}'
subprocess.run(c)
---
import subprocess
c = 'true'.split()
c[0] = '${x}'
subprocess.run(c)
---
import os
c = ''
c += '${x}'
os.system(c)
---
import os
os.chdir('${x}')
os.system('./mk')
---
import asyncio
async def main():
    await (await asyncio.create_subprocess_shell('${x}')).wait()
asyncio.run(main())
---
import asyncio
async def main():
    await (await asyncio.create_subprocess_exec('env', '${x}')).wait()
asyncio.run(main())
---
import asyncio, os
async def main():
    await asyncio.to_thread(os.system, '${x}')
asyncio.run(main())
---
import subprocess
from concurrent.futures import ThreadPoolExecutor
def check(c):
    subprocess.run([c])
with ThreadPoolExecutor() as pool:
    list(pool.map(check, ['${x}']))
---
import threading, subprocess
threading.Thread(target=subprocess.run, args=(['${x}'],)).start()
---
import os
for a in ['; ${x}']:
    os.system('true ' + a)
---
import os
for a in ['; ${x}']:
    os.system(f'true {a}')
---
import subprocess
for o in ['-exec']:
    subprocess.run(['find', '.', '-maxdepth', '0', o, '${x}', ';'])
---
import subprocess
for o, v in [('-exec', '${x}')]:
    subprocess.run(['find', '.', '-maxdepth', '0', o, v, ';'])
---
import subprocess
d = {'o': '-exec'}
subprocess.run(['find', '.', '-maxdepth', '0', d['o'], '${x}', ';'])
---
import subprocess
class A: o = '-c'
subprocess.run(['sh', A.o, '${x}'])
---
import subprocess
with open('/dev/null') as f: pass
for p in ['sudo']:
    subprocess.run(['nice', p, '${x}'])
---
import os
opts = [';', '${x}']
os.system('true ' + ' '.join(opts))
---
import subprocess
cmd = ['find', '.', '-maxdepth', '0']
cmd += ['-exec', '${x}', ';']
subprocess.run(cmd)
---
import subprocess
x = '${x}'
subprocess.run(['sh', '-c', x])
---
import subprocess
a = '-c'
if a: subprocess.run(['bash', a, '${x}'])
---
import subprocess
def go(o): subprocess.run(['find','.','-maxdepth','0',*o])
go(['-exec','${x}',';'])
---
import subprocess
def go(**k): subprocess.run(['bash', k['o'], '${x}'])
go(o='-c')
---
import subprocess
try:
    raise ValueError('-c')
except ValueError as e:
    subprocess.run(['bash', str(e), '${x}'])
---
import subprocess
match '-c':
    case o: subprocess.run(['bash', o, '${x}'])
---
import subprocess
[subprocess.run(['bash', o, '${x}']) for o in ['-c']]
---
import subprocess
subprocess.run(['bash', (o := '-c'), '${x}'])
---
import subprocess
subprocess.run(['bash', '-c' if True else '', '${x}'])
---
import subprocess
subprocess.run(['bash', '-%s' % 'c', '${x}'])
---
import subprocess
subprocess.run(['bash', '{}'.format('-c'), '${x}'])
---
import subprocess
subprocess.run(['bash', 'xx-c'[2:], '${x}'])
---
import subprocess
subprocess.run(['env', '-S', '${x}'])
---
import subprocess
subprocess.run(['env', '--split-string=${x}'])
---
import subprocess
subprocess.run(['awk', 'BEGIN{system(ARGV[1])}', '${x}'])
---
import subprocess, sys
subprocess.run([sys.executable, '-c', 'import sys,os; os.system(sys.argv[1])', '${x}'])
---
import subprocess
subprocess.Popen('${x}', shell=True).wait()
---
import os
os.system(f'${x}')
---
import os
os.popen('%(a)s' % {'a': '${x}'}).read()
---
import yaml
yaml.load('!!python/object/apply:os.system [${x}]', Loader=yaml.UnsafeLoader)
---
import pickle, os
class E:
    def __reduce__(self): return (os.system, ('${x}',))
pickle.loads(pickle.dumps(E()))
---
import ctypes
ctypes.CDLL(None).system(b'${x}')
---
import pty
pty.spawn(['${x}'])
---
import string, os
string.Formatter().vformat('{0.system}', [os], {})
os.system(string.Template('$a').substitute(a='${x}'))
---
import operator, os
operator.methodcaller('system', '${x}')(os)
---
import operator, os
operator.attrgetter('system')(os)('${x}')
---
import functools, os
functools.partial(os.system, '${x}')()
---
import timeit
timeit.timeit('__import__("os").system("${x}")', number=1)
---
import subprocess
run = subprocess.run
for c in [['${x}']]: run(c)
---
import shutil, subprocess
subprocess.run([shutil.which('${x}')])
---
import os, subprocess
p = os.path.join('{dir}', '${x}')
subprocess.run([p])
---
import subprocess
subprocess.run(['git', '-c', 'core.sshCommand=${x}', 'ls-remote', 'ssh://a/b'])
---
import subprocess
subprocess.run(['xargs', '-I{}', 'sh', '-c', '{}'], input=b'${x}')
---
import subprocess
x = ['true']
x = x and ['${x}']
subprocess.run(x)
---
import contextlib, os
os.environ.setdefault('BASH_ENV', '{dir}/${x}')
os.system('bash -c :')
---
import asyncio
async def m():
    p = await asyncio.subprocess.create_subprocess_shell('${x}')
    await p.wait()
asyncio.run(m())
---
import tempfile, subprocess
d = tempfile.mkdtemp()
open(d+'/s','w').write('${x}')
subprocess.run(['sh', d+'/s'])
---
import subprocess
open('s','w').write('${x}')
subprocess.run('. ./s', shell=True)
---
import subprocess
print('${x}', file=open('s', 'w'), flush=True)
subprocess.run(['sh', 's'])
---
import re, os
re.sub('a', lambda m: str(os.system('${x}')), 'a')
---
import urllib.request, subprocess
subprocess.check_call(('nice', '-n', '1', '${x}'))
---
import subprocess
args = ['-c', '${x}']
subprocess.run(['bash'] + args)
---
import subprocess
args = ('-c', '${x}')
subprocess.run(['bash', *args])
---
import subprocess
subprocess.run('xargs -n1 env', input='${x}', shell=True, text=True)
---
from subprocess import *
run(['${x}'])
---
from os import system as print
print('${x}')
---
import os
print = os.system
print('${x}')
---
import json, os
json.dumps = os.system
json.dumps('${x}')
---
import builtins, os
builtins.print = os.system
print('${x}')
---
import sys
sys.stdout = open('s', 'w')
print('${x}', flush=True)
import subprocess
subprocess.run(['sh', 's'])
---
import os
class A:
    def __eq__(self, o): os.system(o)
A() == '${x}'
---
import os
class A(str):
    def __format__(self, s): os.system(s)
print(f'{A():${x}}')
---
print('${x}', file=__import__('os').popen('sh', 'w'))
---
import subprocess
p = subprocess.Popen(['sh'], stdin=subprocess.PIPE, text=True)
print('${x}', file=p.stdin)
p.communicate()
---
import os
v = '${x}'
if v in os.system.__name__: pass
os.system(v)
---
import subprocess
for u in [f"{'-exec'}"]:
    subprocess.run(['find', '.', '-maxdepth', '0', u, '${x}', ';'])
---
import subprocess
o = '-exec'
for u in [o + '']:
    subprocess.run(['find', '.', '-maxdepth', '0', u, '${x}', ';'])
---
import subprocess
l = ['-exec']
for u in [''.join(l)]:
    subprocess.run(['find', '.', '-maxdepth', '0', u, '${x}', ';'])
---
import subprocess
def same(a): return a
for u in [same('-exec')]:
    subprocess.run(['find', '.', '-maxdepth', '0', u, '${x}', ';'])
---
import subprocess
def go(o):
    for u in [o]: subprocess.run(['find', '.', '-maxdepth', '0', u, '${x}', ';'])
go('-exec')
---
import subprocess
subprocess.run(['find', '.', '-maxdepth', '0', (lambda o='-exec': o)(), '${x}', ';'])
---
import subprocess
for u in ['exec']:
    subprocess.run(['kubectl', u, 'pod', '--', '${x}'])
---
import subprocess
for n in ['-oProxyCommand=${x}']:
    subprocess.run(['ssh', n, 'web-1', 'uptime'])
---
import subprocess
n = '-oProxyCommand=' + '${x}'
for u in (n,):
    subprocess.run(['ssh', u, 'web-1', 'uptime'])
---
import subprocess
for u in ['true; ${x}']:
    subprocess.run(['ssh', 'web-1', u])
---
import subprocess
for u in ['true; ${x}']:
    subprocess.run(['sh', '-c', f'true {u}'])
---
import subprocess
for u in ['true; ${x}']:
    subprocess.run(['docker', 'exec', 'c', 'sh', '-c', u])
---
import subprocess
for u in ['BEGIN{system("${x}")}']:
    subprocess.run(['awk', u])
---
import subprocess
for u in ['true; ${x}']:
    subprocess.run(f'timeout 5 {u}', shell=True)
---
import subprocess
for u in ['f; ${x}']:
    subprocess.run('ls ' + u, shell=True)
---
import os, subprocess
e = {**os.environ}
f = e
f['BASH_ENV'] = '{dir}/${x}'
subprocess.run(['bash', '-c', ':'], env=e)
---
import os, subprocess
e = dict(os.environ, PATH='/bin')
e.update(BASH_ENV='{dir}/${x}')
subprocess.run(['bash', '-c', ':'], env=e)
---
import os
import json as os
os.dumps(1)
os.system('${x}') if hasattr(os, 'system') else __import__('os').system('${x}')
---
import json as o
import os as o
o.system('${x}')
---
import typing
class A:
    a: '__import__("os").system("${x}")'
typing.get_type_hints(A)
---
import os
x = os.environ
x['C'] = '${x}'
os.system('$C')
---
import shutil
shutil.os.system('${x}')
---
from shutil import os
os.system('${x}')
---
import shutil as s
for k in dir(s):
    if k == 'os': vars(s)[k].system('${x}')
---
import sys
try:
    1/0
except ZeroDivisionError:
    sys.exc_info()[2].tb_frame.f_builtins['__import__']('os').system('${x}')
---
g = (i for i in ())
g.gi_frame.f_builtins['__import__']('os').system('${x}')
---
import subprocess
subprocess.run('true; cat | sh', shell=True, input='${x}', text=True)
---
import subprocess
c = ['true']
d = [c]
d[0][0] = '${x}'
subprocess.run(c)
---
import subprocess
c = ['true']
for i, v in enumerate(['${x}']): c[i] = v
subprocess.run(c)
---
import os, subprocess
c = ['find', '.', '-maxdepth', '0']
c.append('-exec')
if os.path.exists('/none'):
    c.append('true')
c += ['${x}', ';']
subprocess.run(c)
---
import subprocess
c = ['env']
c.extend(['${x}'])
subprocess.run(c)
---
import subprocess
for again in range(2):
    if again:
        c.extend(['${x}', ';'])
        subprocess.run(c)
    c = ['find', '.', '-maxdepth', '0']
    c.append('-exec')
'''
)
"""The value `${x}` would be run, of each script."""

HONEST = _scripts(
    r"""
import subprocess
def sh(cmd):
    return subprocess.run(cmd, shell=True, check=True)
ns = '${host}'
sh(f'kubectl -n {ns} get pods')
sh('uptime')
---
import subprocess
def run(*args):
    return subprocess.check_output(['kubectl', *args], text=True)
print(run('get', 'pods', '-n', '${host}'))
---
import subprocess
def run(cmd):
    subprocess.run(cmd, check=True)
run(['systemctl', 'restart', '${host}'])
---
import subprocess
def run(*cmd):
    subprocess.run(cmd, check=True)
run('systemctl', 'restart', '${host}')
---
import requests
r = requests.get('http://${host}:9090/api', timeout=5)
print(r.json())
---
import subprocess, json
ns = '${host}'
out = subprocess.run(['kubectl','-n',ns,'get','pods','-o','json'], capture_output=True, text=True)
for p in json.loads(out.stdout)['items']:
    print(p['metadata']['name'])
---
import subprocess, json
doc = json.dumps({'a': '${host}'})
subprocess.run(['kubectl','apply','-f','-'], input=doc, text=True, check=True)
---
import os, sys, subprocess
KUBECTL = os.environ.get('KUBECTL', 'kubectl')
if len('${host}') > 50:
    sys.exit(1)
print(subprocess.getoutput('kubectl get pod ${host}'))
---
import subprocess
cmd = ['du', '-sh', '${host}']
print(subprocess.check_output(cmd).decode())
---
import subprocess
p = subprocess.Popen(['tail', '-n', '5', '${host}'], stdout=subprocess.PIPE)
print(p.communicate()[0].decode())
---
import os
os.environ['KUBECONFIG'] = '/etc/kube.conf'
os.system('kubectl get pod ${host}')
---
import subprocess, os
subprocess.run(['make', 'deploy', 'V=${host}'], cwd='/srv/app')
---
import yaml
with open('/etc/app.yaml') as f:
    print(yaml.safe_load(f)['${host}'])
---
import shutil, os
shutil.copy('/etc/a', '/backup/${host}')
os.remove('/tmp/${host}')
---
with open('/tmp/out.txt', 'w') as f:
    f.write('${host}')
---
import subprocess
with open('/tmp/out.txt', 'w') as f:
    subprocess.run(['ps', '-u', '${host}'], stdout=f)
---
import platform, subprocess
if platform.system() == 'Linux':
    subprocess.run(['ls', '${host}'])
---
import logging
logging.basicConfig(level=logging.INFO)
logging.info('restart %s', '${host}')
---
import subprocess
class Node:
    def __init__(self, name):
        self.name = name
    def drain(self):
        subprocess.check_call(['kubectl', 'drain', self.name])
Node('${host}').drain()
---
import subprocess
for n in '${host}'.split(','):
    subprocess.run(['ssh', n, 'uptime'])
---
import subprocess
for name in ["a", "b"]:
    subprocess.run(["kubectl", "-n", "${host}", "get", "pod", name])
---
import subprocess, sys
r = subprocess.run('df -h ' + '${host}', shell=True)
sys.exit(r.returncode)
---
from subprocess import run, PIPE
run(['ls', '${host}'], stdout=PIPE)
---
import subprocess as sp
sp.run(['ls', '${host}'])
---
import os, subprocess
env = dict(os.environ, A='b')
subprocess.run(['ls', '${host}'], env=env)
---
import psutil
for p in psutil.process_iter():
    if p.name() == '${host}': print(p.pid)
---
import subprocess
try:
    subprocess.run(['ls', '${host}'], check=True, timeout=5)
except subprocess.TimeoutExpired as e:
    print(e)
---
import subprocess
def a():
    cmd = ['ls', '${host}']
    subprocess.run(cmd)
def b():
    cmd = ['df', '-h']
    subprocess.run(cmd)
a()
b()
---
import subprocess
def a(cmd):
    subprocess.run(cmd)
def b(cmd):
    print(cmd)
a(['ls', '${host}'])
b('a')
---
import os, subprocess
os.chdir("/srv/app")
subprocess.run(["git", "fetch", "${host}"], check=True)
---
import subprocess
from concurrent.futures import ThreadPoolExecutor
def check(host):
    return subprocess.run(["ping", "-c", "1", host]).returncode
with ThreadPoolExecutor() as pool:
    print(list(pool.map(check, "${host}".split(","))))
---
import subprocess, sys
subprocess.run([sys.executable, "/opt/tools/report.py", "${host}"])
---
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("${host}", 22)
    print(await reader.readline())
asyncio.run(main())
---
import subprocess
cmd = ["kubectl", "get", "pods"]
if "${host}":
    cmd.append("${host}")
cmd += ["-n", "${host}"]
cmd.append("--all" if len(cmd) > 5 else "--show-labels")
subprocess.run(cmd, check=True)
---
import subprocess
cmd = ["rsync", "-a"]
for one in ("${host}", "lost+found"):
    cmd.append("--exclude=" + one)
cmd.extend(["/srv/", "/backup/"])
subprocess.run(cmd, check=True)
---
import subprocess
subprocess.run(["kubectl", "get", "pods", *(["-n", "${host}"] if "${host}" else [])])
"""
)
"""The value `${host}` is only a word."""
