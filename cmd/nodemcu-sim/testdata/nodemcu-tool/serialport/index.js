// serialport 12 under the names of version 8, as far as nodemcu-tool uses them.
const { SerialPort, DelimiterParser, ByteLengthParser } = require('serialport-12');

module.exports = class extends SerialPort {
    constructor(path, options) {
        super({ ...options, path });
    }
    static parsers = { Delimiter: DelimiterParser, ByteLength: ByteLengthParser };
};
