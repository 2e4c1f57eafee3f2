// A button beside each field for a serial number that reads it from the camera, where the browser can (BarcodeDetector).
// Elsewhere, and without scripts, the number is typed: nothing is missing but the button.
"use strict";

(() => {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  const detector = new BarcodeDetector();
  const everyMs = 250;

  async function scan(input, button) {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      button.disabled = true;
      button.textContent = input.dataset.fault;
      return;
    }
    const dialog = document.createElement("dialog");
    const video = document.createElement("video");
    const stop = document.createElement("button");
    video.className = "scan";
    video.playsInline = true;
    video.muted = true;
    video.srcObject = stream;
    stop.type = "button";
    stop.className = "button";
    stop.textContent = input.dataset.stop;
    stop.addEventListener("click", () => dialog.close());
    dialog.setAttribute("aria-label", input.dataset.scan);
    dialog.append(video, stop);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
      input.focus();
    });
    dialog.showModal();
    await video.play();
    while (dialog.open) {
      // A frame that is not there yet is no fault: the next one is looked at.
      const found = await detector.detect(video).catch(() => []);
      if (found.length && dialog.open) {
        input.value = found[0].rawValue.trim();
        dialog.close();
      }
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
