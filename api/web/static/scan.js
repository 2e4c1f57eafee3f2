// A button beside each field for a serial number that reads it from the camera: Code 128, Code 39, QR, Data Matrix.
// Browsers that read codes themselves do (Android); for the others a reader is fetched when the button is pressed, and
// not before. Without scripts, or without a camera, the number is typed: nothing is missing but the button.
"use strict";

(() => {
  if (!navigator.mediaDevices) return;
  const readerAddress = document.currentScript.dataset.reader;
  const formats = ["code_128", "code_39", "qr_code", "data_matrix"];
  const everyMs = 150;
  const widest = 1280;

  // Returns what reads a video's picture as text: null where there is none in it.
  let reading = null;
  async function reader() {
    if ("BarcodeDetector" in window) {
      const known = await BarcodeDetector.getSupportedFormats().catch(() => []);
      const own = formats.filter((format) => known.includes(format));
      if (own.includes("code_128")) {
        const detector = new BarcodeDetector({ formats: own });
        return async (video) => (await detector.detect(video).catch(() => []))[0]?.rawValue ?? null;
      }
    }
    await new Promise((loaded, failed) => {
      const script = document.createElement("script");
      script.src = readerAddress;
      script.onload = loaded;
      script.onerror = failed;
      document.head.append(script);
    });
    const { ZXing } = window;
    const hints = new Map([
      [ZXing.DecodeHintType.POSSIBLE_FORMATS, formats.map((format) => ZXing.BarcodeFormat[format.toUpperCase()])],
      [ZXing.DecodeHintType.TRY_HARDER, true],
    ]);
    const multi = new ZXing.MultiFormatReader();
    multi.setHints(hints);
    const canvas = document.createElement("canvas");
    return async (video) => {
      const scale = Math.min(1, widest / video.videoWidth);
      canvas.width = Math.round(video.videoWidth * scale);
      canvas.height = Math.round(video.videoHeight * scale);
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0, canvas.width, canvas.height);
      const source = new ZXing.HTMLCanvasElementLuminanceSource(canvas);
      try {
        return multi.decodeWithState(new ZXing.BinaryBitmap(new ZXing.HybridBinarizer(source))).getText();
      } catch {
        return null; // no code in this picture, which it tells by an error
      }
    };
  }

  function opened(input, stream) {
    const dialog = document.createElement("dialog");
    const hint = document.createElement("p");
    const video = document.createElement("video");
    const stop = document.createElement("button");
    hint.textContent = input.dataset.hint;
    video.className = "scan";
    video.playsInline = true;
    video.muted = true;
    video.srcObject = stream;
    stop.type = "button";
    stop.className = "button";
    stop.textContent = input.dataset.stop;
    stop.addEventListener("click", () => dialog.close());
    dialog.setAttribute("aria-label", input.dataset.scan);
    dialog.append(hint, video, stop);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
      input.focus();
    });
    dialog.showModal();
    return { dialog, video };
  }

  async function scan(input, button) {
    let stream;
    let read;
    button.disabled = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: widest } },
      });
      reading ??= reader();
      read = await reading;
    } catch {
      stream?.getTracks().forEach((track) => track.stop());
      reading = null;
      button.textContent = input.dataset.fault;
      return;
    }
    button.disabled = false;
    const { dialog, video } = opened(input, stream);
    await video.play();
    let last = null;
    while (dialog.open) {
      const found = (await read(video))?.trim() || null;
      // Twice the same: a stripe that was misread once is not a serial number.
      if (found && found === last && dialog.open) {
        input.value = found;
        dialog.close();
      }
      last = found;
      await new Promise((go) => setTimeout(go, everyMs));
    }
  }

  for (const input of document.querySelectorAll("input[data-scan]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = input.dataset.scan;
    button.addEventListener("click", () => scan(input, button));
    input.after(button);
  }
})();
