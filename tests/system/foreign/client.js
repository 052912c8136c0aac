// Reads and writes holding registers with modbus-serial; one JSON line out.
//   node client.js PORT UNIT read ADDRESS COUNT
//   node client.js PORT UNIT write ADDRESS VALUE
"use strict";

const ModbusRTU = require("modbus-serial");

async function main([port, unit, verb, address, number]) {
  const client = new ModbusRTU();
  await client.connectTCP("127.0.0.1", { port: Number(port) });
  client.setID(Number(unit));
  client.setTimeout(5000);
  try {
    if (verb === "read") {
      const { data } = await client.readHoldingRegisters(Number(address), Number(number));
      return { data };
    }
    await client.writeRegister(Number(address), Number(number));
    return { written: true };
  } catch (error) {
    return { exception: error.modbusCode ?? null, said: error.message };
  } finally {
    client.close();
  }
}

main(process.argv.slice(2)).then((found) => console.log(JSON.stringify(found)));
