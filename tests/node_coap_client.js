// node-coap as a client for tests/interop_test.py: node node_coap_client.js METHOD URL [ACCEPT] [SECONDS TO OBSERVE]
// One line of JSON for each answer or notification. NODE_PATH names the folder with node-coap.
const coap = require('coap')
const [method, url, accept, seconds] = process.argv.slice(2)
const target = new URL(url)
const request = coap.request({
  hostname: target.hostname,
  port: target.port,
  pathname: target.pathname,
  query: target.search.slice(1),
  method,
  observe: seconds !== undefined,
})
if (accept) request.setOption('Accept', accept)

function show (message, payload) {
  console.log(JSON.stringify({ code: message.code, format: message.headers['Content-Format'], payload: payload.toString() }))
}

request.on('response', (response) => {
  if (seconds === undefined) {
    show(response, response.payload)
    process.exit(0)
  }
  response.on('data', (payload) => show(response, payload))
  setTimeout(() => {
    response.close()
    setTimeout(() => process.exit(0), 500)
  }, Number(seconds) * 1000)
})
request.on('error', (error) => {
  console.error(error.message)
  process.exit(1)
})
request.end()
