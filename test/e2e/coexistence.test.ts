/** A host that others share: dockerd with its own rules, firewalld's and kube-proxy's rules. Ours works among them, and takes away all of its own and nothing of theirs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FIREWALLD, kubeProxy } from '../support/foreign-rules.ts';
import { Machine, type Neighbour } from '../support/machine.ts';
import { hasDocker } from '../support/peer-engines.ts';
import { removeCgroupTree } from '../support/sweep.ts';

const HOST = '10.64.40.1';
const SERVICE = '10.64.49.10';
const SERVE = ['busybox', 'sh', '-c', 'mkdir -p /www; hostname > /www/index.html; exec httpd -f -h /www -p 80'];

let machine: Machine;
let outside: Neighbour;

before(async () => {
  machine = await Machine.boot();
  outside = await machine.neighbour('outside', { address: '10.64.40.2', gateway: HOST });
  await machine.do('ip route add default via 10.64.40.2');
  await outside.serve(90);
});
after(async () => {
  await machine.stop();
  await removeCgroupTree(`${machine.bridge}-docker`);
});

const serve = (name: string, ...flags: string[]) =>
  machine.ok(['run', '-d', '--name', name, '--hostname', name, ...flags, ...SERVE]);
const get = (host: string, port = 80) =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 2 nc ${host} ${port} | tail -1; true`;
const within = (name: string, script: string) => machine.ok(['exec', name, 'sh', '-c', script]);

/** The rules of all, without their counters. */
const rules = async () => (await machine.do('nft -s list ruleset')).split('\n');

/** Ours works: from outside, from this host, from one another, to the outside, names, a network of one's own. */
async function assertOurs(): Promise<void> {
  assert.equal(await outside.get(`http://${HOST}:8080/`), 'web');
  assert.equal(await outside.get(`http://${HOST}:8082/`), 'db');
  assert.equal(await machine.get('http://127.0.0.1:8080/'), 'web');
  assert.equal(
    await within('web', `${get(HOST, 8080)}; ${get(HOST, 8082)}; nc 10.64.40.2 90 < /dev/null`),
    `web\ndb\noutside ${HOST}`,
  );
  assert.equal(
    await within('db', `${get('near')}; ${get(HOST, 8080)}; nc 10.64.40.2 90 < /dev/null`),
    `near\nweb\noutside ${HOST}`,
  );
}

/** Seconds until all of it works again. */
async function untilOurs(): Promise<string> {
  const begin = performance.now();
  for (;;) {
    try {
      await assertOurs();
      return ((performance.now() - begin) / 1000).toFixed(1);
    } catch (error) {
      if (performance.now() - begin > 15_000) throw error;
    }
  }
}

async function startOurs(): Promise<void> {
  await machine.startDaemon();
  await machine.load();
  await machine.ok(['network', 'create', '--subnet', '10.64.41.0/24', 'lan']);
  await Promise.all([
    serve('web', '-p', '8080:80'),
    serve('db', '--network', 'lan', '-p', '8082:80'),
    serve('near', '--network', 'lan'),
  ]);
}

/** Ends everything of ours but the daemon's data. */
async function endOurs(): Promise<void> {
  await machine.ok(['rm', '-f', 'web', 'db', 'near']);
  await machine.ok(['network', 'rm', 'lan']);
  await machine.endDaemon('SIGTERM');
}

describe('firewalld and kube-proxy', () => {
  let theirs: string[];
  before(async () => {
    await machine.do(`nft -f - <<'END'\n${FIREWALLD}\nEND`);
    await machine.do(`iptables-nft-restore -n <<'END'\n${kubeProxy(SERVICE, '10.64.42.2')}END`);
    theirs = await rules();
    await startOurs();
  });

  test('all of ours works, and a service that leads to a container of ours', async () => {
    await assertOurs();
    const address = await machine.ok(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web']);
    await machine.do(`iptables-nft -t nat -F KUBE-SEP-WEB
      iptables-nft -t nat -A KUBE-SEP-WEB -s ${address}/32 -j KUBE-MARK-MASQ
      iptables-nft -t nat -A KUBE-SEP-WEB -p tcp -m tcp -j DNAT --to-destination ${address}:80`);
    assert.equal(await machine.get(`http://${SERVICE}/`), 'web');
    assert.equal(await within('web', get(SERVICE)), 'web');
    assert.equal(await within('near', get(SERVICE)), 'web');
  });

  test('what firewalld shuts stays shut to all but questions for names', async () => {
    await machine.serve(HOST, 7000);
    assert.notEqual(await outside.ask('tcp', HOST, 7000), `host ${outside.address}`);
    assert.equal(await within('web', `timeout 2 nc ${HOST} 7000 < /dev/null; true`), '');
    assert.match(await within('near', 'nslookup db'), /10\.64\.41\./);
  });

  test('a reload of theirs, and a kube-proxy that writes its chains anew', async () => {
    await machine.do(`nft -f - <<'END'\ndelete table inet firewalld\n${FIREWALLD}\nEND`);
    const seconds = await untilOurs();
    await machine.do(`iptables-nft-restore -n <<'END'\n${kubeProxy(SERVICE, '10.64.42.2')}END`);
    await assertOurs();
    process.stdout.write(`after a reload of firewalld ours works again within ${seconds} s\n`);
  });

  test('all rules flushed', async () => {
    await machine.do('nft flush ruleset');
    const seconds = await untilOurs();
    process.stdout.write(`after a flush of all rules ours works again within ${seconds} s\n`);
  });

  test('in the end their rules are as they were', async () => {
    await machine.do(`nft -f - <<'END'\n${FIREWALLD}\nEND`);
    await machine.do(`iptables-nft-restore -n <<'END'\n${kubeProxy(SERVICE, '10.64.42.2')}END`);
    await untilOurs();
    await endOurs();
    assert.deepEqual(await rules(), theirs);
    await machine.do('nft flush ruleset');
  });
});

describe('dockerd', { skip: hasDocker ? false : 'needs dockerd (Debian: docker.io)' }, () => {
  let theirs: string[];
  const docker = (...words: string[]) => machine.do(`/usr/bin/docker -H unix:///run/d.sock ${words.join(' ')}`);

  async function startDocker(): Promise<void> {
    await machine.do(`setsid /usr/sbin/dockerd -H unix:///run/d.sock --exec-root /run/d --pidfile /run/d.pid \\
        --data-root ${machine.directory}/docker --bip 10.64.45.1/24 --cgroup-parent /${machine.bridge}-docker \\
        --storage-driver overlay2 --live-restore > ${machine.directory}/dockerd.log 2>&1 < /dev/null &
      for i in $(seq 100); do /usr/bin/docker -H unix:///run/d.sock version > /dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1`);
  }

  before(async () => {
    // Where it turns forwarding on itself it drops all that it does not know.
    await machine.do('echo 0 > /proc/sys/net/ipv4/ip_forward');
    await startDocker();
    assert.match(await machine.do('iptables-nft -S FORWARD'), /-P FORWARD DROP/);
    await machine.do(`mkdir -p ${machine.directory}/tree/bin && cp /bin/busybox ${machine.directory}/tree/bin/
      for name in sh nc httpd hostname mkdir timeout printf tail; do ln -s busybox ${machine.directory}/tree/bin/$name; done
      tar -C ${machine.directory}/tree -c . | /usr/bin/docker -H unix:///run/d.sock import - busybox`);
    await docker('network', 'create', '--subnet', '10.64.46.0/24', 'theirs');
    const script = "'mkdir -p /www; hostname > /www/index.html; exec httpd -f -h /www -p 80'";
    await docker('run -d --name whale --hostname whale -p 7070:80 busybox sh -c', script);
    await docker('run -d --name inner --hostname inner --network theirs -p 7071:80 busybox sh -c', script);
    theirs = await rules();
    await startOurs();
  });

  async function assertTheirs(): Promise<void> {
    assert.equal(await outside.get(`http://${HOST}:7070/`), 'whale');
    assert.equal(await outside.get(`http://${HOST}:7071/`), 'inner');
    assert.equal(await machine.get('http://127.0.0.1:7070/'), 'whale');
    assert.equal(await docker('exec whale nc 10.64.40.2 90 < /dev/null'), `outside ${HOST}`);
  }

  test('both work, and reach one another by published ports alone', async () => {
    await assertOurs();
    await assertTheirs();
    assert.equal(await within('web', get(HOST, 7070)), 'whale');
    assert.equal(
      await docker('exec whale sh -c', `"printf 'GET / HTTP/1.0\\\\r\\\\n\\\\r\\\\n' | nc ${HOST} 8080 | tail -1"`),
      'web',
    );
    const address = await machine.ok(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web']);
    assert.equal(await docker(`exec whale sh -c "timeout 2 nc ${address} 80 < /dev/null; true"`), '');
  });

  test('a port that docker has is refused, and the other way round', async () => {
    const taken = await machine.k3c(['run', '--rm', '-p', '7070:80', 'busybox', 'true']);
    assert.match(
      taken.stderr,
      /Bind for 0\.0\.0\.0:7070 failed: port is already allocated \(a process of this host has it\)/,
    );
    const theirTry = await machine.sh('/usr/bin/docker -H unix:///run/d.sock run --rm -p 8080:80 busybox true');
    assert.match(theirTry.stderr, /address already in use/);
  });

  test('a dockerd that starts again writes its chains anew, and ours are there again', async () => {
    await machine.do('kill $(cat /run/d.pid); while [ -e /run/d.pid ]; do sleep 0.1; done');
    await startDocker();
    await untilOurs();
    await assertTheirs();
  });

  test('in the end their rules are as they were, and theirs works', async () => {
    await endOurs();
    // In the order that dockerd chose at its second start.
    assert.deepEqual((await rules()).sort(), theirs.sort());
    await assertTheirs();
  });
});
