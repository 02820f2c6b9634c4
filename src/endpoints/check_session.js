// The OP iframe of OpenID Connect Session Management 1.0, section 3.2. In ES5, for every browser.
(function () {
  'use strict';

  // SHA-256 (FIPS 180-4), because crypto.subtle is missing on plain http and in old browsers.
  function constants(exponent, count) {
    var found = [], candidate, divisor;
    for (candidate = 2; found.length < count; candidate += 1) {
      for (divisor = 2; divisor * divisor <= candidate && candidate % divisor !== 0; divisor += 1) {}
      if (divisor * divisor > candidate) {
        var root = Math.pow(candidate, exponent);
        found.push(((root - Math.floor(root)) * 4294967296) | 0);
      }
    }
    return found;
  }

  var INITIAL = constants(1 / 2, 8);
  var ROUNDS = constants(1 / 3, 64);

  function turn(word, by) {
    return (word >>> by) | (word << (32 - by));
  }

  function sha256(text) {
    var bytes = unescape(encodeURIComponent(text));
    var length = ((bytes.length + 8) >> 6) * 16 + 16;
    var words = [], hash = INITIAL.slice(), at, i;
    for (i = 0; i < length; i += 1) {
      words[i] = 0;
    }
    for (i = 0; i < bytes.length; i += 1) {
      words[i >> 2] |= bytes.charCodeAt(i) << (24 - (i % 4) * 8);
    }
    words[bytes.length >> 2] |= 0x80 << (24 - (bytes.length % 4) * 8);
    words[length - 1] = bytes.length * 8;
    for (at = 0; at < length; at += 16) {
      var w = words.slice(at, at + 16), v = hash.slice();
      for (i = 0; i < 64; i += 1) {
        if (i > 15) {
          var a = w[i - 15], b = w[i - 2];
          w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] +
            (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
        }
        var one = (v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
          ROUNDS[i] + w[i]) | 0;
        var two = ((turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
          ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))) | 0;
        v = [(one + two) | 0, v[0], v[1], v[2], (v[3] + one) | 0, v[4], v[5], v[6]];
      }
      for (i = 0; i < 8; i += 1) {
        hash[i] = (hash[i] + v[i]) | 0;
      }
    }
    var hex = '';
    for (i = 0; i < 8; i += 1) {
      hex += ('0000000' + (hash[i] >>> 0).toString(16)).slice(-8);
    }
    return hex;
  }

  function browserState() {
    var found = /(?:^|; )gatepass-browser-state=([A-Za-z0-9_-]+)/.exec(document.cookie);
    return found && found[1];
  }

  // What is asked is "client_id session_state". The origin is the browser's word, so that no page can ask for another.
  function judge(asked, origin) {
    var parts = /^([!-~]+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/.exec(asked);
    var state = browserState();
    // Without the cookie, which many browsers keep from frames, nothing is known: an app must not sign in again and again.
    if (!parts || !state) {
      return 'error';
    }
    return sha256([parts[1], origin, state, parts[3]].join(' ')) === parts[2] ? 'unchanged' : 'changed';
  }

  window.addEventListener('message', function (event) {
    if (typeof event.data !== 'string' || !event.source || event.source === window || event.origin === 'null') {
      return;
    }
    event.source.postMessage(judge(event.data, event.origin), event.origin);
  }, false);
}());
