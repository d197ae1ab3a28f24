// A message centre on the npm package smpp, for peers_test.go. The last digit
// of a number says what it does: 0 answers and then reports, 1 reports before
// it answers, 2 throttles, 3 names no id, 4 refuses for good.
const smpp = require('smpp');
let n = 0;
const receipt = (session, pdu, id) => {
  const out = {
    source_addr_ton: 1, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, message_state: 2,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2603021200 done date:2603021200 stat:DELIVRD err:000 text:x`,
  };
  if (id) out.receipted_message_id = id;
  if (pdu.user_message_reference !== undefined) out.user_message_reference = pdu.user_message_reference;
  session.deliver_sm(out);
};
const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('bind_transceiver', (pdu) => session.send(pdu.response(pdu.password === 'secret' ? {} : { command_status: 0x0e })));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('query_sm', (pdu) => session.send(pdu.response({ message_id: pdu.message_id, message_state: 2 })));
  session.on('submit_sm', (pdu) => {
    const text = pdu.short_message.message !== undefined ? pdu.short_message.message : pdu.message_payload && pdu.message_payload.message;
    console.log(JSON.stringify({ to: pdu.destination_addr, text: String(text), coding: pdu.data_coding, esm: pdu.esm_class, validity: pdu.validity_period, ton: pdu.dest_addr_ton }));
    const id = 'js' + ++n;
    switch (pdu.destination_addr.slice(-1)) {
      case '1': receipt(session, pdu, id); return setTimeout(() => session.send(pdu.response({ message_id: id })), 50);
      case '2': return session.send(pdu.response({ command_status: 0x58 }));
      case '3': session.send(pdu.response({ message_id: '' })); return receipt(session, pdu, '');
      case '4': return session.send(pdu.response({ command_status: 0x0b }));
    }
    session.send(pdu.response({ message_id: id }));
    receipt(session, pdu, id);
    if (pdu.destination_addr.slice(-1) === '5') {
      session.deliver_sm({ source_addr_ton: 1, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, short_message: 'Sí, allí estaré' });
    }
  });
});
server.listen(0, '127.0.0.1', function () { console.log(JSON.stringify({ port: this.address().port })); });
process.stdin.on('end', () => process.exit(0)).resume();
